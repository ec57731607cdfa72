"""Gemini market data v2, the fallback of the new API: ``l2`` books and trades.

Archived by the venue. Updates have no time and no number, so a lost one cannot be noticed.
Source: developer.gemini.com/websocket/archived/v2.
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
from streaming_worker.protocols.copies import read_gemini
from streaming_worker.protocols.levels import encode_frame, keys_by_symbol, parse_sides
from streaming_worker.protocols.snapshot_feed import SnapshotFeed
from streaming_worker.protocols.timestamps import milliseconds_ns

_TAKER: Final = {"buy": TakerSide.BUY, "sell": TakerSide.SELL}
"""``side`` is the taker's; "block" and auction trades have none."""

_ABSENT: Final = msgspec.Raw(b"")
_COPY_PATH: Final = "/v1/book/{symbol}?limit_bids={depth}&limit_asks={depth}"


class _Kind(msgspec.Struct, gc=False):
    type: str | None = None
    symbol: str | None = None
    timestamp: int = 0
    result: str | None = None
    reason: str | None = None
    message: str | None = None


class _Trade(msgspec.Struct, gc=False):
    event_id: int
    timestamp: int
    price: str
    quantity: str
    side: str
    tid: int | None = None


class _Changes(msgspec.Struct):
    changes: list[tuple[Literal["buy", "sell"], str, str]]
    trades: list[_Trade] | None = None
    auction_events: msgspec.Raw = _ABSENT


class GeminiV2(SnapshotFeed):
    """One feed of the v2 socket; owns no socket and reads no clock."""

    complaint: str | None = None

    def __init__(self, feed: str, instruments: Sequence[Instrument]) -> None:
        self._keys = {symbol.upper(): key for symbol, key in keys_by_symbol(instruments).items()}
        symbols = {instrument.key: instrument.symbol.upper() for instrument in instruments}
        super().__init__(feed, instruments, symbols, copy_path=_COPY_PATH, read_copy=read_gemini)
        self._kind = msgspec.json.Decoder(_Kind)
        self._changes = msgspec.json.Decoder(_Changes)
        self._trade = msgspec.json.Decoder(_Trade)

    def opening_messages(self) -> list[bytes]:
        """Return the subscription."""
        return [_subscription("subscribe", list(self._symbols.values()))]

    def receive(self, frame: bytes, received_ns: Nanos) -> list[Event]:
        """Decode one frame. Raises FeedFormatError; the caller resynchronises."""
        try:
            events = self._read(self._kind.decode(frame), frame, received_ns)
        except (msgspec.MsgspecError, UnicodeDecodeError) as e:
            raise FeedFormatError(f"gemini: {e} in {frame[:120]!r}") from e
        self._request_due(received_ns)
        return events

    def _read(self, kind: _Kind, frame: bytes, received_ns: Nanos) -> list[Event]:
        match kind.type:
            case "l2_updates" | "trade":
                return self._market(kind, frame, received_ns)
            case "heartbeat":
                return [FeedHeartbeat(self.feed, milliseconds_ns(kind.timestamp), None, received_ns)]
            case None:
                self.counters["refusals"] += 1
                self._trust.refuse()
                self._request_due(received_ns)
                refusal = f"gemini refused: {kind.result}: {kind.reason}: {kind.message}"
                raise FeedFormatError(refusal, is_harmless=kind.result is not None)
            case _:
                self.counters["unknown_channels"] += 1
                return []

    def _market(self, kind: _Kind, frame: bytes, received_ns: Nanos) -> list[Event]:
        key = self._keys.get(kind.symbol or "")
        if key is None:
            self.counters["unknown_products"] += 1
            return []
        try:
            if kind.type == "trade":
                return [self._print(self._trade.decode(frame), key, received_ns, is_historical=False)]
            return self._levels(key, self._changes.decode(frame), received_ns)
        except (FeedFormatError, msgspec.MsgspecError) as e:
            raise FeedFormatError(f"{key}: {e}", instrument=key, is_harmless=kind.type == "trade") from e

    def _levels(self, key: str, message: _Changes, received_ns: Nanos) -> list[Event]:
        """Read levels. Only a snapshot carries trades or auction events; nothing else marks it."""
        is_snapshot = message.trades is not None or message.auction_events != _ABSENT
        if not is_snapshot and not self._trust.is_trusted(key):
            return self._unaligned(key, received_ns)
        bids, asks = parse_sides(message.changes, self._size_digits[key], is_snapshot=is_snapshot)
        event = (BookSnapshot if is_snapshot else BookDelta)(key, bids, asks, None, received_ns)
        trades = [self._print(trade, key, received_ns, is_historical=True) for trade in message.trades or ()]
        if is_snapshot:
            self._trust.trust(key)
        return [event, *trades]

    def _print(self, trade: _Trade, key: str, received_ns: Nanos, *, is_historical: bool) -> TradePrint:
        trade_id = trade.event_id if trade.tid is None else trade.tid
        side = _TAKER.get(trade.side, TakerSide.UNKNOWN)
        price, size = parse_e8(trade.price), parse_fixed(trade.quantity, self._size_digits[key])
        traded_ns = milliseconds_ns(trade.timestamp)
        return TradePrint(key, str(trade_id), price, size, side, traded_ns, received_ns, is_historical)

    def _unaligned(self, key: str, received_ns: Nanos) -> list[Event]:
        """Drop changes to a book that is not there; the first of them shows that the snapshot was missed."""
        self.counters["deltas_without_snapshot"] += 1
        if self._trust.is_lost(key):
            return []
        return [self._trust.lose(key, GapCause.UNALIGNED_SNAPSHOT, received_ns)]

    def _forget(self, _opened_ns: Nanos) -> None:
        """Nothing: the socket numbers nothing."""

    def _request_due(self, received_ns: Nanos) -> None:
        for keys in self._trust.take_requests(received_ns):
            symbols = [self._symbols[key] for key in keys]
            self._outgoing += [_subscription(action, symbols) for action in ("unsubscribe", "subscribe")]


def _subscription(action: str, symbols: list[str]) -> bytes:
    return encode_frame({"type": action, "subscriptions": [{"name": "l2", "symbols": symbols}]})
