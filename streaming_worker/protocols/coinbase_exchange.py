"""Coinbase Exchange market data, the fallback of Advanced Trade: level2_batch and heartbeat.

Weaker than the primary: ``l2update`` carries no sequence, so a lost one cannot be noticed.
Source: docs.cdp.coinbase.com, exchange websocket channels and rate limits.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from streaming_worker.core.events import (
    BookDelta,
    BookSnapshot,
    Event,
    FeedHeartbeat,
    GapCause,
    TakerSide,
    TradePrint,
)
from streaming_worker.core.instrument import Instrument
from streaming_worker.core.units import Nanos, parse_e8, parse_fixed
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.copies import read_exchange
from streaming_worker.protocols.levels import encode_frame, keys_by_symbol, parse_levels, parse_sides
from streaming_worker.protocols.promptness import ConnectionAge
from streaming_worker.protocols.snapshot_feed import SnapshotFeed
from streaming_worker.protocols.timestamps import rfc3339_ns

_TAKER_OF_MAKER: Final = {"buy": TakerSide.SELL, "sell": TakerSide.BUY}
_BOOK_CHANNEL: Final = "level2_batch"
_BEAT_CHANNEL: Final = "heartbeat"
_COPY_PATH: Final = "/products/{symbol}/book?level=2"
_PRINTS: Final = frozenset({"match", "last_match"})


class _Kind(msgspec.Struct, gc=False):
    type: str
    product_id: str | None = None
    message: str | None = None
    reason: str | None = None


class _Snapshot(msgspec.Struct):
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    time: str | None = None


class _Update(msgspec.Struct):
    changes: list[tuple[Literal["buy", "sell"], str, str]]
    time: str


class _Match(msgspec.Struct):
    trade_id: int
    price: str
    size: str
    side: str
    time: str


class _Heartbeat(msgspec.Struct):
    time: str


class CoinbaseExchange(SnapshotFeed):
    """One feed of the public Exchange socket; owns no socket and reads no clock."""

    complaint: str | None = None

    def __init__(self, feed: str, instruments: Sequence[Instrument]) -> None:
        self._keys = keys_by_symbol(instruments)
        symbols = {instrument.key: instrument.symbol for instrument in instruments}
        super().__init__(feed, instruments, symbols, copy_path=_COPY_PATH, read_copy=read_exchange)
        self._age = ConnectionAge()
        self._refused_ns: dict[str, Nanos | None] = {}
        self._kind = msgspec.json.Decoder(_Kind)
        self._snapshot = msgspec.json.Decoder(_Snapshot)
        self._update = msgspec.json.Decoder(_Update)
        self._match = msgspec.json.Decoder(_Match)
        self._heartbeat = msgspec.json.Decoder(_Heartbeat)

    def opening_messages(self) -> list[bytes]:
        """Return the subscription; it must be sent within 5 s of connecting."""
        return [_subscription("subscribe", list(self._symbols.values()), [_BOOK_CHANNEL, _BEAT_CHANNEL])]

    def receive(self, frame: bytes, received_ns: Nanos) -> list[Event]:
        """Decode one frame. Raises FeedFormatError; the caller resynchronises."""
        try:
            events = self._read(self._kind.decode(frame), frame, received_ns)
        except (msgspec.MsgspecError, UnicodeDecodeError) as e:
            raise FeedFormatError(f"coinbase exchange: {e} in {frame[:120]!r}") from e
        self._request_due(received_ns)
        return events

    def _read(self, kind: _Kind, frame: bytes, received_ns: Nanos) -> list[Event]:
        if kind.type == "error":
            self.counters["refusals"] += 1
            self._trust.refuse()
            self._request_due(received_ns)
            raise FeedFormatError(f"coinbase exchange refused: {kind.message}: {kind.reason}", is_harmless=True)
        if kind.type == "subscriptions":
            self.counters["acknowledgements"] += 1
            return []
        key = self._keys.get(kind.product_id or "")
        if key is None:
            self.counters["unknown_products"] += 1
            return []
        try:
            return self._market(kind.type, key, frame, received_ns)
        except (FeedFormatError, msgspec.MsgspecError) as e:
            raise FeedFormatError(f"{key}: {e}", instrument=key, is_harmless=kind.type in _PRINTS) from e

    def _market(self, kind: str, key: str, frame: bytes, received_ns: Nanos) -> list[Event]:
        match kind:
            case "l2update":
                return self._delta(key, frame, received_ns)
            case "snapshot":
                return self._book(key, frame, received_ns)
            case "match" | "last_match":
                return [self._trade(key, frame, received_ns, is_historical=kind == "last_match")]
            case "heartbeat":
                beat_ns = rfc3339_ns(self._heartbeat.decode(frame).time)
                self._age.is_older(received_ns, beat_ns)
                return [FeedHeartbeat(self.feed, beat_ns, None, received_ns)]
            case _:
                self.counters["unknown_channels"] += 1
                return []

    def _book(self, key: str, frame: bytes, received_ns: Nanos) -> list[Event]:
        book = self._snapshot.decode(frame)
        digits = self._size_digits[key]
        bids = parse_levels(book.bids, digits, is_snapshot=True)
        asks = parse_levels(book.asks, digits, is_snapshot=True)
        exchange_ns = None if book.time is None else rfc3339_ns(book.time)
        # Where the same comes again after we asked again, it is the time of the book's last change.
        is_older = self._age.is_older(received_ns, exchange_ns)
        if is_older and self._refused_ns.get(key) != exchange_ns:
            self._refused_ns[key] = exchange_ns
            return self._repeated(key, received_ns)
        self._trust.trust(key)
        return [BookSnapshot(key, bids, asks, exchange_ns, received_ns)]

    def _delta(self, key: str, frame: bytes, received_ns: Nanos) -> list[Event]:
        update = self._update.decode(frame)
        exchange_ns = rfc3339_ns(update.time)
        if self._age.is_older(received_ns, exchange_ns):
            return self._repeated(key, received_ns)
        if not self._trust.is_trusted(key):
            self.counters["deltas_without_snapshot"] += 1
            return []
        bids, asks = parse_sides(update.changes, self._size_digits[key], is_snapshot=False)
        return [BookDelta(key, bids, asks, exchange_ns, received_ns)]

    def _repeated(self, key: str, received_ns: Nanos) -> list[Event]:
        """Refuse what was sent before this connection was opened; its book is in doubt."""
        self.counters["older_than_connection"] += 1
        if self._trust.is_lost(key):
            return []
        return [self._trust.lose(key, GapCause.UNALIGNED_SNAPSHOT, received_ns)]

    def _trade(self, key: str, frame: bytes, received_ns: Nanos, *, is_historical: bool) -> Event:
        match = self._match.decode(frame)
        side = _TAKER_OF_MAKER.get(match.side, TakerSide.UNKNOWN)
        price, size = parse_e8(match.price), parse_fixed(match.size, self._size_digits[key])
        traded_ns = rfc3339_ns(match.time)
        return TradePrint(key, str(match.trade_id), price, size, side, traded_ns, received_ns, is_historical)

    def _forget(self, opened_ns: Nanos) -> None:
        self._age.opened(opened_ns)
        self._refused_ns.clear()

    def _request_due(self, received_ns: Nanos) -> None:
        for keys in self._trust.take_requests(received_ns):
            symbols = [self._symbols[key] for key in keys]
            channels = [_BOOK_CHANNEL, _BEAT_CHANNEL] if self._trust.is_apart else [_BOOK_CHANNEL]
            self._outgoing += [_subscription(action, symbols, channels) for action in ("unsubscribe", "subscribe")]


def _subscription(action: str, symbols: list[str], channels: list[str]) -> bytes:
    return encode_frame({"type": action, "product_ids": symbols, "channels": channels})
