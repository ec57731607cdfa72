"""How much of a book a notional takes: the inverse of a sweep."""

from collections.abc import Iterable

from streaming_worker.core.units import E8, notional_e8_ceil


def size_for_notional(levels: Iterable[tuple[int, int]], notional_e8: int, *, most_e8: int | None = None) -> int:
    """Return the largest size, at most ``most_e8`` and what the levels hold, that a notional buys.

    Units:  levels are (price_e8, size_e8) from the best on; size in base, notional in quote, both x 1e8.
    Rounds: the cost up once per level, as a buyer's sweep does: the sweep of the result never exceeds the notional.
    """
    size, left = 0, notional_e8
    for price, available in levels:
        affordable = left * E8 // price
        taken = min(available, affordable) if most_e8 is None else min(available, affordable, most_e8 - size)
        size += taken
        if taken < available:
            break
        left -= notional_e8_ceil(price, taken)
    return size
