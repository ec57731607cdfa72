"""One order book in exact fixed point: apply, look at the top, sweep the depth.

It keeps what the venue sent and repairs nothing: a crossed book says so, and an odd change is counted.
It knows no venue, no sequence rule and no time.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

import msgspec

from streaming_worker.core.events import Levels
from streaming_worker.core.units import notional_e8_ceil, notional_e8_floor


class Sweep(msgspec.Struct, frozen=True, gc=False):
    """What taking ``size`` from one side would do.

    Units:  sizes in base x 1e8, ``notional_e8`` in quote x 1e8; ``worst_price_e8`` is None when nothing was filled.
    Rounds: the notional once per level, up for a buyer, down for a seller: never for the trader.
    """

    filled_e8: int
    notional_e8: int
    worst_price_e8: int | None
    levels: int
    is_complete: bool


class Book:
    """Both sides of one instrument. Sizes are absolute; the counters run over the book's whole life."""

    __slots__ = ("_asks", "_bids")

    def __init__(self) -> None:
        self._bids = _Side(1)
        self._asks = _Side(-1)

    @classmethod
    def load(cls, bids: Levels, asks: Levels, *, absent_removals: int = 0, same_quantity_repeats: int = 0) -> "Book":
        """Rebuild a book from ``dump`` and its counters."""
        book = cls()
        book.apply_snapshot(bids, asks)
        book._bids.absent_removals = absent_removals
        book._bids.same_quantity_repeats = same_quantity_repeats
        return book

    def apply_snapshot(self, bids: Levels, asks: Levels) -> None:
        """Replace both sides. Levels of size 0 are left out; of a repeated price the last one counts."""
        self._bids.replace(bids)
        self._asks.replace(asks)

    def apply_delta(self, bids: Levels, asks: Levels) -> None:
        """Set the changed levels in the order given; size 0 removes."""
        if bids:
            self._bids.apply(bids)
        if asks:
            self._asks.apply(asks)

    @property
    def best_bid(self) -> tuple[int, int] | None:
        """The highest bid as (price_e8, size_e8)."""
        return self._bids.best()

    @property
    def best_ask(self) -> tuple[int, int] | None:
        """The lowest ask as (price_e8, size_e8)."""
        return self._asks.best()

    @property
    def bid_count(self) -> int:
        """Number of bid levels."""
        return len(self._bids.keys)

    @property
    def ask_count(self) -> int:
        """Number of ask levels."""
        return len(self._asks.keys)

    @property
    def absent_removals(self) -> int:
        """How often a level was removed that was not in the book."""
        return self._bids.absent_removals + self._asks.absent_removals

    @property
    def same_quantity_repeats(self) -> int:
        """How often a level was set to the size that it already had."""
        return self._bids.same_quantity_repeats + self._asks.same_quantity_repeats

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is at or above the best ask."""
        bid_keys, ask_keys = self._bids.keys, self._asks.keys
        return bool(bid_keys) and bool(ask_keys) and bid_keys[-1] >= -ask_keys[-1]

    def sweep_asks(self, size_e8: int) -> Sweep:
        """Return what buying ``size_e8`` now would cost."""
        return self._asks.sweep(size_e8)

    def sweep_bids(self, size_e8: int) -> Sweep:
        """Return what selling ``size_e8`` now would bring."""
        return self._bids.sweep(size_e8)

    def asks_from_best(self) -> Iterator[tuple[int, int]]:
        """Yield asks from the lowest price up."""
        return self._asks.from_best()

    def bids_from_best(self) -> Iterator[tuple[int, int]]:
        """Yield bids from the highest price down."""
        return self._bids.from_best()

    def dump(self) -> tuple[Levels, Levels]:
        """Return (bids, asks), each from the best level on."""
        return list(self._bids.from_best()), list(self._asks.from_best())


class _Side:
    """One side: sizes by price, and ascending keys (price x sign) whose end is the best level.

    Changes cluster at the best price, so keeping it at the list's end makes inserts and removals short moves.
    """

    __slots__ = ("absent_removals", "keys", "same_quantity_repeats", "sign", "sizes")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.sizes: dict[int, int] = {}
        self.keys: list[int] = []
        self.absent_removals = 0
        self.same_quantity_repeats = 0

    def replace(self, levels: Iterable[tuple[int, int]]) -> None:
        sizes = dict(levels)
        if 0 in sizes.values():
            sizes = {price: size for price, size in sizes.items() if size}
        self.sizes = sizes
        self.keys = sorted(sizes) if self.sign > 0 else sorted([-price for price in sizes])

    def apply(self, levels: Levels) -> None:
        sizes, keys, sign = self.sizes, self.keys, self.sign
        for price, size in levels:
            held = sizes.get(price)
            if held == size:
                self.same_quantity_repeats += 1
            elif size:
                if held is None:
                    insort(keys, price * sign)
                sizes[price] = size
            elif held is None:
                self.absent_removals += 1
            else:
                del sizes[price]
                del keys[bisect_left(keys, price * sign)]

    def best(self) -> tuple[int, int] | None:
        if not self.keys:
            return None
        price = self.keys[-1] * self.sign
        return price, self.sizes[price]

    def from_best(self) -> Iterator[tuple[int, int]]:
        for key in reversed(self.keys):
            price = key * self.sign
            yield price, self.sizes[price]

    def sweep(self, size_e8: int) -> Sweep:
        notional_of = notional_e8_floor if self.sign > 0 else notional_e8_ceil
        remaining, notional, count, worst = size_e8, 0, 0, None
        for price, size in self.from_best():
            if remaining <= 0:
                break
            taken = min(size, remaining)
            notional += notional_of(price, taken)
            remaining -= taken
            count += 1
            worst = price
        return Sweep(size_e8 - remaining, notional, worst, count, remaining <= 0)
