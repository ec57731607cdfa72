"""Coinbase Advanced Trade market data: level2, market_trades and heartbeats of one connection.

Not for the Exchange feed (coinbase_exchange.py), nor for account data.
Source: docs.cdp.coinbase.com, advanced-trade guides (websocket overview, channels, rate limits).
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
    Levels,
    TakerSide,
    TradePrint,
)
from streaming_worker.core.instrument import Instrument
from streaming_worker.core.sequence import ConnectionSequence, Continuity, HeartbeatCounter
from streaming_worker.core.units import Nanos, parse_e8, parse_fixed
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import WholeNumber
from streaming_worker.protocols.copies import read_coinbase
from streaming_worker.protocols.levels import encode_frame, keys_by_symbol, level_parsers
from streaming_worker.protocols.promptness import ConnectionAge
from streaming_worker.protocols.snapshot_feed import SnapshotFeed
from streaming_worker.protocols.timestamps import rfc3339_ns

_TAKER_OF_MAKER: Final = {"BUY": TakerSide.SELL, "SELL": TakerSide.BUY}
"""``side`` of a trade "is the maker's side": a resting buy was hit by a seller."""
_COPY_PATH: Final = "/api/v3/brokerage/market/product_book?product_id={symbol}&limit={depth}"


class _Envelope(msgspec.Struct, gc=False):
    channel: str | None = None
    timestamp: str = ""
    sequence_num: WholeNumber | None = None
    events: msgspec.Raw = msgspec.Raw(b"[]")
    type: str | None = None
    message: str | None = None


class _Level(msgspec.Struct, gc=False):
    side: Literal["bid", "offer"]
    price_level: str
    new_quantity: str
    event_time: str


class _BookEvent(msgspec.Struct):
    type: Literal["snapshot", "update"]
    product_id: str
    updates: list[_Level]


class _Trade(msgspec.Struct, gc=False):
    product_id: str
    trade_id: str
    price: str
    size: str
    time: str
    side: str


class _TradeEvent(msgspec.Struct):
    type: Literal["snapshot", "update"]
    trades: list[_Trade]


class _Heartbeat(msgspec.Struct):
    heartbeat_counter: WholeNumber


class CoinbaseAdvanced(SnapshotFeed):
    """One feed of the public Advanced Trade socket; owns no socket and reads no clock."""

    complaint: str | None = None

    def __init__(self, feed: str, instruments: Sequence[Instrument]) -> None:
        self._keys = keys_by_symbol(instruments)
        symbols = {instrument.key: instrument.symbol for instrument in instruments}
        super().__init__(feed, instruments, symbols, copy_path=_COPY_PATH, read_copy=read_coinbase)
        self._sequence = ConnectionSequence()
        self._heartbeat = HeartbeatCounter()
        self._age = ConnectionAge()
        self._envelope = msgspec.json.Decoder(_Envelope)
        self._book_events = msgspec.json.Decoder(list[_BookEvent])
        self._trade_events = msgspec.json.Decoder(list[_TradeEvent])
        # The documentation shows the counter as text, the wire as a number: lax mode reads both.
        self._heartbeats = msgspec.json.Decoder(list[_Heartbeat], strict=False)

    def opening_messages(self) -> list[bytes]:
        """Return the subscriptions, one channel per message.

        Heartbeats are among them because "most channels close within 60-90 seconds if no updates are sent".
        """
        symbols = list(self._symbols.values())
        return [
            encode_frame({"type": "subscribe", "channel": "heartbeats"}),
            _level2("subscribe", symbols),
            _trades(symbols),
        ]

    def receive(self, frame: bytes, received_ns: Nanos) -> list[Event]:
        """Decode one frame. Raises FeedFormatError; the caller resynchronises."""
        try:
            envelope = self._envelope.decode(frame)
            if envelope.sequence_num is None:
                raise self._refused(envelope, frame, received_ns)
            return self._in_sequence(envelope, envelope.sequence_num, received_ns)
        except (msgspec.MsgspecError, UnicodeDecodeError) as e:
            raise FeedFormatError(f"coinbase: {e} in {frame[:120]!r}") from e

    def _in_sequence(self, envelope: _Envelope, number: int, received_ns: Nanos) -> list[Event]:
        expected = self._sequence.expected
        continuity = self._sequence.check(number)
        if continuity is Continuity.OLD:
            self.counters["old_sequences"] += 1
            return []
        events: list[Event] = []
        if continuity is Continuity.GAP:
            self.counters["sequence_gaps"] += 1
            self._heartbeat.forget()
            events.append(self._trust.lose(None, GapCause.SEQUENCE, received_ns, expected=expected, received=number))
        try:
            events += self._read(envelope, number, received_ns)
        except FeedFormatError as e:
            if events:
                e.instrument, e.is_harmless = None, False
            raise
        self._request_due(received_ns)
        return events

    def _read(self, envelope: _Envelope, number: int, received_ns: Nanos) -> list[Event]:
        sent_ns = rfc3339_ns(envelope.timestamp)
        is_older = self._age.is_older(received_ns, sent_ns)
        match envelope.channel:
            case "l2_data" if is_older:
                return self._repeated(envelope.events, received_ns)
            case "l2_data":
                return self._books(envelope.events, sent_ns, number, received_ns)
            case "market_trades":
                return self._trades(envelope.events, received_ns)
            case "heartbeats":
                return self._beats(envelope.events, sent_ns, received_ns)
            case "subscriptions":
                self.counters["acknowledgements"] += 1
            case _:
                self.counters["unknown_channels"] += 1
        return []

    def _repeated(self, raw: msgspec.Raw, received_ns: Nanos) -> list[Event]:
        """Refuse what was sent before this connection was opened; its books are in doubt.

        The frame's own time tells: that of a snapshot's levels may be years old, or the epoch.
        """
        self.counters["older_than_connection"] += 1
        keys = dict.fromkeys(self._keys.get(book.product_id) for book in self._book_events.decode(raw))
        return [
            self._trust.lose(key, GapCause.UNALIGNED_SNAPSHOT, received_ns)
            for key in keys
            if key is not None and not self._trust.is_lost(key)
        ]

    def _books(self, raw: msgspec.Raw, sent_ns: Nanos | None, number: int, received_ns: Nanos) -> list[Event]:
        events: list[Event] = []
        books = self._book_events.decode(raw)
        for book in books:
            key = self._keys.get(book.product_id)
            if key is None:
                self.counters["unknown_products"] += 1
            elif book.type == "update" and not self._trust.is_trusted(key):
                self.counters["deltas_without_snapshot"] += 1
            else:
                # Of several books in one unreadable frame all are in doubt, not only the one that cannot be read.
                doubted = key if len(books) == 1 else None
                bids, asks, event_ns = _split(book, self._size_digits[key], doubted)
                exchange_ns = sent_ns if event_ns is None else event_ns
                kind = BookSnapshot if book.type == "snapshot" else BookDelta
                events.append(kind(key, bids, asks, exchange_ns, received_ns, number))
                self._trust.trust(key)
        return events

    def _trades(self, raw: msgspec.Raw, received_ns: Nanos) -> list[Event]:
        """Read prints; one that cannot be read harms no book."""
        try:
            return [
                event
                for group in self._trade_events.decode(raw)
                for trade in group.trades
                for event in self._print(trade, received_ns, is_historical=group.type == "snapshot")
            ]
        except (FeedFormatError, msgspec.MsgspecError, UnicodeDecodeError) as e:
            raise FeedFormatError(f"coinbase: {e} in a trade", is_harmless=True) from e

    def _print(self, trade: _Trade, received_ns: Nanos, *, is_historical: bool) -> list[Event]:
        key = self._keys.get(trade.product_id)
        if key is None:
            self.counters["unknown_products"] += 1
            return []
        side = _TAKER_OF_MAKER.get(trade.side, TakerSide.UNKNOWN)
        price, size = parse_e8(trade.price), parse_fixed(trade.size, self._size_digits[key])
        traded_ns = rfc3339_ns(trade.time)
        return [TradePrint(key, trade.trade_id, price, size, side, traded_ns, received_ns, is_historical)]

    def _beats(self, raw: msgspec.Raw, sent_ns: Nanos | None, received_ns: Nanos) -> list[Event]:
        events: list[Event] = []
        for beat in self._heartbeats.decode(raw):
            expected, counter = self._heartbeat.expected, beat.heartbeat_counter
            if self._heartbeat.check(counter) is Continuity.GAP:
                cause = GapCause.HEARTBEAT_COUNTER
                events.append(self._trust.lose(None, cause, received_ns, expected=expected, received=counter))
            events.append(FeedHeartbeat(self.feed, sent_ns, counter, received_ns))
        return events

    def _refused(self, envelope: _Envelope, frame: bytes, received_ns: Nanos) -> FeedFormatError:
        """Return what to say of a message without a number; a refused request harms no book that stands."""
        if envelope.type != "error":
            return FeedFormatError(f"coinbase: expected a sequence_num, received {frame[:120]!r}")
        self.counters["refusals"] += 1
        self._trust.refuse()
        self._request_due(received_ns)
        return FeedFormatError(f"coinbase refused: {envelope.message}", is_harmless=True)

    def _forget(self, opened_ns: Nanos) -> None:
        self._age.opened(opened_ns)
        self._sequence = ConnectionSequence()
        self._heartbeat = HeartbeatCounter()

    def _request_due(self, received_ns: Nanos) -> None:
        for keys in self._trust.take_requests(received_ns):
            symbols = [self._symbols[key] for key in keys]
            self._outgoing += [_level2("unsubscribe", symbols), _level2("subscribe", symbols)]
            if self._trust.is_apart:
                self._outgoing.append(_trades(symbols))


def _split(event: _BookEvent, size_digits: int, doubted: str | None) -> tuple[Levels, Levels, Nanos | None]:
    """Return bids, asks and the newest event time; a snapshot's event time may be a placeholder."""
    parse_price, parse_size = level_parsers(size_digits, is_snapshot=event.type == "snapshot")
    bids: Levels = []
    asks: Levels = []
    try:
        for update in event.updates:
            side = bids if update.side == "bid" else asks
            side.append((parse_price(update.price_level), parse_size(update.new_quantity)))
        moments = map(rfc3339_ns, {update.event_time for update in event.updates})
        return bids, asks, max((moment for moment in moments if moment is not None), default=None)
    except FeedFormatError as e:
        raise FeedFormatError(f"{event.product_id}: {e}", instrument=doubted) from e


def _level2(action: str, symbols: list[str]) -> bytes:
    return encode_frame({"type": action, "product_ids": symbols, "channel": "level2"})


def _trades(symbols: list[str]) -> bytes:
    return encode_frame({"type": "subscribe", "product_ids": symbols, "channel": "market_trades"})
