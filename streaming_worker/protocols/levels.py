"""What the exchanges' protocols share: texts to levels, symbols to books, messages to frames."""

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from streaming_worker.core.events import Levels
from streaming_worker.core.instrument import Instrument
from streaming_worker.core.units import Nanos, parse_e8
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import HttpRequest

parse_changed_e8 = lru_cache(maxsize=8192)(parse_e8)
"""parse_e8 for deltas: half to three quarters of their prices and sizes were seen shortly before."""


def parse_levels(pairs: Iterable[tuple[str, str]], *, is_snapshot: bool) -> Levels:
    """Return (price, quantity) texts as levels, in the venue's order. Raises FeedFormatError."""
    parse = parse_e8 if is_snapshot else parse_changed_e8
    return [(parse(price), parse(quantity)) for price, quantity in pairs]


def parse_sides(changes: Iterable[tuple[str, str, str]], *, is_snapshot: bool) -> tuple[Levels, Levels]:
    """Return ("buy" or "sell", price, quantity) texts as bids and asks. Raises FeedFormatError."""
    parse = parse_e8 if is_snapshot else parse_changed_e8
    bids: Levels = []
    asks: Levels = []
    for side, price, quantity in changes:
        (bids if side == "buy" else asks).append((parse(price), parse(quantity)))
    return bids, asks


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


def unasked(request: HttpRequest, body: bytes, received_ns: Nanos) -> FeedFormatError:
    """Return the error for an answer that a protocol without calls cannot have asked for."""
    return FeedFormatError(f"no call was asked for, received {len(body)} bytes for {request.key} at {received_ns}")
