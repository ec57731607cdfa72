"""What the exchanges' protocols share: texts to levels, symbols to books, messages to frames."""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import TypeAlias

import msgspec

from streaming_worker.core.events import Levels
from streaming_worker.core.instrument import Instrument
from streaming_worker.core.units import E8_DIGITS, parse_e8, parse_fixed

_Parse: TypeAlias = Callable[[str], int]
parse_changed_e8 = lru_cache(maxsize=8192)(parse_e8)
"""parse_e8 for deltas: half to three quarters of their prices and sizes were seen shortly before."""


def parse_levels(pairs: Iterable[tuple[str, str]], size_digits: int, *, is_snapshot: bool) -> Levels:
    """Return (price, quantity) texts as levels, in the venue's order. Raises FeedFormatError."""
    parse_price, parse_size = level_parsers(size_digits, is_snapshot=is_snapshot)
    return [(parse_price(price), parse_size(quantity)) for price, quantity in pairs]


def parse_sides(
    changes: Iterable[tuple[str, str, str]], size_digits: int, *, is_snapshot: bool
) -> tuple[Levels, Levels]:
    """Return (side, price, quantity) texts as bids ("buy" or "bid") and asks. Raises FeedFormatError."""
    parse_price, parse_size = level_parsers(size_digits, is_snapshot=is_snapshot)
    bids: Levels = []
    asks: Levels = []
    for side, price, quantity in changes:
        (bids if side[0] == "b" else asks).append((parse_price(price), parse_size(quantity)))
    return bids, asks


def level_parsers(size_digits: int, *, is_snapshot: bool) -> tuple[_Parse, _Parse]:
    """Return what reads a price and what reads a size of one frame."""
    parse = parse_e8 if is_snapshot else parse_changed_e8
    return parse, parse if size_digits == E8_DIGITS else partial(parse_fixed, digits=size_digits)


def keys_by_symbol(instruments: Iterable[Instrument]) -> dict[str, str]:
    """Return registry keys by venue symbol; an alias leads to the canonical book."""
    keys: dict[str, str] = {}
    for instrument in instruments:
        for symbol in (instrument.symbol, *instrument.aliases):
            keys[symbol] = instrument.key
    return keys


def encode_frame(message: dict[str, object]) -> bytes:
    """Return a client message as the bytes to send."""
    return msgspec.json.encode(message)
