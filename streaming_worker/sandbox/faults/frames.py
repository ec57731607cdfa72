"""What a frame is, told from its first bytes: which role it has at its venue and which book it is about.

Own code on purpose, and only as much as the faults need: it must not share a mistake with the parsers.
"""

import re
from enum import Enum
from typing import Final, NamedTuple

_HEAD: Final = 400


class Role(Enum):
    """REPLY answers the client; HEARTBEAT says that the venue lives; OTHER is anything else."""

    SNAPSHOT = "snapshot"
    CHANGE = "change"
    TRADE = "trade"
    HEARTBEAT = "heartbeat"
    REPLY = "reply"
    OTHER = "other"


class Seen(NamedTuple):
    """A frame's role and the market symbol that it is about, if any."""

    role: Role
    symbol: str | None


DATA: Final = frozenset({Role.SNAPSHOT, Role.CHANGE, Role.TRADE})
_CHANNEL: Final = re.compile(rb'"channel": ?"([a-z0-9_\-]+)"')
_TYPE: Final = re.compile(rb'"type": ?"([a-z0-9_]+)"')
_PRODUCT: Final = re.compile(rb'"product_id": ?"([A-Z0-9\-]+)"')
_GEMINI_SYMBOL: Final = re.compile(rb'"s": ?"([a-z0-9]+)"')
_GEMINI_IDS: Final = re.compile(rb'"U": ?(\d+), ?"u": ?(\d+)')
_V2_SYMBOL: Final = re.compile(rb'"symbol": ?"([A-Z0-9]+)"')
_NOTIFICATION: Final = re.compile(rb'"method": ?"(\w+)Notification"')
_EXCHANGE_ROLES: Final = {
    b"snapshot": Role.SNAPSHOT,
    b"l2update": Role.CHANGE,
    b"match": Role.TRADE,
    b"last_match": Role.TRADE,
    b"heartbeat": Role.HEARTBEAT,
    b"subscriptions": Role.REPLY,
    b"error": Role.REPLY,
}


def read_frame(venue: str, frame: bytes) -> Seen:
    """Return what a venue's frame is."""
    match venue:
        case "coinbase":
            return _coinbase(frame)
        case "coinbase_exchange":
            kind = _find(_TYPE, frame)
            return Seen(_EXCHANGE_ROLES.get(kind, Role.OTHER), _product(frame))
        case "gemini":
            return _gemini(frame)
        case "gemini_v2":
            return _gemini_v2(frame)
        case "bitstamp":
            return _bitstamp(frame)
        case _:
            return _solana(frame)


def _coinbase(frame: bytes) -> Seen:
    match _find(_CHANNEL, frame):
        case b"l2_data":
            is_snapshot = _find(_TYPE, frame) == b"snapshot"
            return Seen(Role.SNAPSHOT if is_snapshot else Role.CHANGE, _product(frame))
        case b"market_trades":
            return Seen(Role.TRADE, _product(frame))
        case b"heartbeats":
            return Seen(Role.HEARTBEAT, None)
        case _:
            return Seen(Role.REPLY, None)


def _gemini(frame: bytes) -> Seen:
    symbol = _dashed(_find(_GEMINI_SYMBOL, frame))
    if symbol is None:
        return Seen(Role.REPLY, None)
    ids = _GEMINI_IDS.search(frame, 0, _HEAD)
    if ids is None:
        return Seen(Role.TRADE, symbol)
    return Seen(Role.SNAPSHOT if ids[1] == ids[2] else Role.CHANGE, symbol)


def _gemini_v2(frame: bytes) -> Seen:
    # The keys stand in alphabetical order, so that symbol and type come last.
    tail = frame[-_HEAD:]
    symbol = _dashed(_find(_V2_SYMBOL, tail))
    if tail.endswith(b'"type":"heartbeat"}'):
        return Seen(Role.HEARTBEAT, None)
    if not tail.endswith(b'"type":"l2_updates"}'):
        return Seen(Role.TRADE if symbol else Role.REPLY, symbol)
    if symbol is None or frame.startswith(b'{"auction_events"'):
        found = _V2_SYMBOL.search(frame)
        return Seen(Role.SNAPSHOT, _dashed(found[1] if found else b""))
    return Seen(Role.CHANGE, symbol)


def _bitstamp(frame: bytes) -> Seen:
    found = _CHANNEL.search(frame[:_HEAD]) or _CHANNEL.search(frame[-_HEAD:])
    kind, _, name = (found[1] if found else b"").rpartition(b"_")
    if b'"bts:' in frame[:_HEAD]:
        return Seen(Role.HEARTBEAT if b"bts:heartbeat" in frame else Role.REPLY, _dashed(name))
    roles = {b"diff_order_book": Role.CHANGE, b"order_book": Role.SNAPSHOT, b"live_trades": Role.TRADE}
    return Seen(roles.get(kind, Role.OTHER), _dashed(name))


def _solana(frame: bytes) -> Seen:
    match _find(_NOTIFICATION, frame):
        case b"slot":
            return Seen(Role.HEARTBEAT, None)
        case b"":
            return Seen(Role.REPLY, None)
        case _:
            return Seen(Role.CHANGE, None)


def _find(pattern: re.Pattern[bytes], frame: bytes) -> bytes:
    found = pattern.search(frame, 0, _HEAD)
    return found[1] if found else b""


def _product(frame: bytes) -> str | None:
    return _find(_PRODUCT, frame).decode() or None


def _dashed(name: bytes) -> str | None:
    # Every synthetic market is against USD.
    text = name.decode().upper()
    return f"{text[:-3]}-{text[-3:]}" if len(text) > 3 else None
