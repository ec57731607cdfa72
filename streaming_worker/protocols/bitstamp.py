"""Bitstamp market data: changes of books, copies of their top, and trades; whole books come by REST.

Nothing is numbered, so a lost change is found by comparing: with the top-100 channel all the time, with a whole copy
now and then. Each channel is subscribed by its own message, for a frame over 512 bytes is refused.
Source: bitstamp.net/websocket/v2, bitstamp.net/api; recorded connections of April 2021 and January 2022.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from streaming_worker.core.events import (
    Event,
    FeedConnected,
    FeedGap,
    FeedHeartbeat,
    GapCause,
    Levels,
    TakerSide,
    TradePrint,
)
from streaming_worker.core.instrument import Instrument
from streaming_worker.core.units import (
    NANOS_PER_MICROSECOND,
    NANOS_PER_MILLISECOND,
    NANOS_PER_SECOND,
    Nanos,
    parse_e8,
    parse_fixed,
)
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import BookCopy, HttpRequest
from streaming_worker.protocols.bitstamp_book import BitstampBook, Levelled
from streaming_worker.protocols.levels import encode_frame, keys_by_symbol, parse_levels
from streaming_worker.protocols.promptness import Promptness
from streaming_worker.protocols.timestamps import microseconds_ns

_CHANGES: Final = "diff_order_book"
_TOP: Final = "order_book"
_TRADES: Final = "live_trades"
BOOK_PATH: Final = "/api/v2/order_book/"
_TAKER: Final = {0: TakerSide.BUY, 1: TakerSide.SELL}
_CHECK_EVERY_NS: Final = 60 * NANOS_PER_SECOND
_LOOK_EVERY_NS: Final = 100 * NANOS_PER_MILLISECOND
_MOST_MISMATCHES: Final = 3
_MICROS_DIGITS: Final = 16
"""Of a count of microseconds since 1970, from 2001 to 2286."""


class _Frame(msgspec.Struct, gc=False):
    event: str
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"{}")


class _Levels(msgspec.Struct, gc=False):
    microtimestamp: str
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class _Trade(msgspec.Struct, gc=False):
    """``amount`` and ``price`` also come as JSON numbers, which are not read; ``type`` is the taker's side."""

    id: int
    microtimestamp: str
    amount_str: str
    price_str: str
    type: int


class Bitstamp:
    """One feed of the public socket; owns no socket and reads no clock."""

    keepalive: bytes | None = encode_frame({"event": "bts:heartbeat"})

    def __init__(
        self, feed: str, instruments: Sequence[Instrument], *, check_every_ns: Nanos = _CHECK_EVERY_NS
    ) -> None:
        self.feed = feed
        self.counters: Counter[str] = Counter()
        self.reconnect_reason: str | None = None
        self.complaint: str | None = None
        self._symbols = {instrument.key: instrument.symbol.lower() for instrument in instruments}
        self._size_digits = {instrument.key: instrument.size_digits for instrument in instruments}
        books = {key: BitstampBook(feed, key, self.counters, check_every_ns=check_every_ns) for key in self._symbols}
        self._books = books
        self._by_symbol = {symbol.lower(): books[key] for symbol, key in keys_by_symbol(instruments).items()}
        self._promptness = Promptness()
        self._mismatches = 0
        self._look_from_ns: Nanos = 0
        self._requests = 0
        self._asked: dict[str, tuple[str, Nanos]] = {}
        self._calls: list[HttpRequest] = []
        self._outgoing: list[bytes] = []
        self._frame = msgspec.json.Decoder(_Frame)
        self._levels = msgspec.json.Decoder(_Levels)
        self._trade = msgspec.json.Decoder(_Trade)

    def opened(self, connection: int, received_ns: Nanos) -> list[Event]:
        """Start a fresh connection: every book waits for its changes and then for a copy."""
        self.reconnect_reason = None
        self._mismatches = 0
        self._look_from_ns = 0
        self._asked.clear()
        self._calls.clear()
        self._outgoing.clear()
        for book in self._books.values():
            book.forget()
        return [FeedConnected(self.feed, connection, received_ns)]

    def opening_messages(self) -> list[bytes]:
        """Return the subscriptions, one channel per message; changes come first, for a copy is asked for after them."""
        return [
            _request("bts:subscribe", f"{kind}_{symbol}")
            for kind in (_CHANGES, _TOP, _TRADES)
            for symbol in self._symbols.values()
        ]

    def receive(self, frame: bytes, received_ns: Nanos) -> list[Event]:
        """Decode one frame. Raises FeedFormatError; the caller resynchronises."""
        try:
            events = self._read(self._frame.decode(frame), frame, received_ns)
        except (msgspec.MsgspecError, UnicodeDecodeError) as e:
            raise FeedFormatError(f"bitstamp: {e} in {frame[:120]!r}") from e
        return self._looked(events, received_ns)

    def receive_http(self, request: HttpRequest, body: bytes, received_ns: Nanos) -> list[Event]:
        """Decode a whole book. Raises FeedFormatError."""
        book = self._by_symbol.get(request.path.removeprefix(BOOK_PATH).strip("/"))
        if book is None or not request.path.startswith(BOOK_PATH):
            raise FeedFormatError(f"bitstamp: no call asked for {request.path}", is_harmless=True)
        book.answered()
        try:
            copy = self._levelled(book.key, self._levels.decode(body), received_ns, is_snapshot=True)
        except (FeedFormatError, msgspec.MsgspecError, UnicodeDecodeError) as e:
            raise FeedFormatError(f"{book.key}: {e}", instrument=book.key, is_harmless=book.is_aligned) from e
        self.counters["copies"] += 1
        name, asked_ns = self._asked.pop(book.key, ("", received_ns))
        events = book.copy(copy, asked_ns=asked_ns if name == request.key else None)
        return self._looked(events, received_ns)

    def resync(self, instrument: str | None, cause: GapCause, received_ns: Nanos) -> list[Event]:
        """Distrust a book (or all) and ask for a new copy; the changes go on coming."""
        lost = [book for key, book in self._books.items() if instrument in (None, key)]
        gaps = [book.lose(cause, received_ns) for book in lost]
        self._ask(received_ns)
        return [FeedGap(self.feed, None, cause, None, None, received_ns)] if instrument is None else [*gaps]

    def check(self, instrument: str, received_ns: Nanos) -> None:
        """Ask for a whole copy, which the book compares with itself."""
        self._books[instrument].check_now(received_ns)
        self._ask(received_ns)

    def copies(self) -> list[BookCopy]:
        """Return nothing: the books compare copies themselves."""
        return []

    def outgoing(self) -> list[bytes]:
        """Return and clear the frames to send now."""
        frames, self._outgoing = self._outgoing, []
        return frames

    def http_requests(self) -> list[HttpRequest]:
        """Return and clear the calls to make now."""
        calls, self._calls = self._calls, []
        return calls

    def _read(self, message: _Frame, frame: bytes, received_ns: Nanos) -> list[Event]:
        match message.event:
            case "data" | "trade":
                return self._market(message, received_ns)
            case "bts:subscription_succeeded" | "bts:unsubscription_succeeded":
                return self._subscription(message, received_ns)
            case "bts:heartbeat":
                return [FeedHeartbeat(self.feed, None, None, received_ns)]
            case "bts:request_reconnect":
                # "The server will soon go down": what it sends after this may be incomplete.
                self.reconnect_reason = "the venue asked for a new connection"
            case "bts:error":
                raise FeedFormatError(f"bitstamp refused: {frame[:200]!r}", is_harmless=True)
            case _:
                self.counters["unknown_channels"] += 1
        return []

    def _market(self, message: _Frame, received_ns: Nanos) -> list[Event]:
        kind, _, symbol = message.channel.rpartition("_")
        book = self._by_symbol.get(symbol)
        if book is None:
            self.counters["unknown_products"] += 1
            return []
        try:
            match kind:
                case "diff_order_book":
                    return self._changed(book, message.data, received_ns)
                case "order_book":
                    top = self._levelled(book.key, self._levels.decode(message.data), received_ns, is_snapshot=False)
                    book.top(top)
                    return self._noted(top.micros, received_ns)
                case "live_trades":
                    return self._traded(book.key, message.data, received_ns)
                case _:
                    self.counters["unknown_channels"] += 1
                    return []
        except (FeedFormatError, msgspec.MsgspecError) as e:
            raise FeedFormatError(f"{book.key}: {e}", instrument=book.key, is_harmless=kind != _CHANGES) from e

    def _changed(self, book: BitstampBook, data: msgspec.Raw, received_ns: Nanos) -> list[Event]:
        change = self._levelled(book.key, self._levels.decode(data), received_ns, is_snapshot=False)
        if not book.is_subscribed:
            self.counters["changes_unasked"] += 1
            return []
        is_prompt = self._promptness.is_prompt(received_ns, change.micros * NANOS_PER_MICROSECOND)
        events = book.change(change, is_prompt=is_prompt)
        return events + self._noted_by_others(change.micros, received_ns, is_prompt=is_prompt)

    def _traded(self, key: str, data: msgspec.Raw, received_ns: Nanos) -> list[Event]:
        trade = self._trade.decode(data)
        micros = _micros(trade.microtimestamp)
        price, size = parse_e8(trade.price_str), parse_fixed(trade.amount_str, self._size_digits[key])
        side = _TAKER.get(trade.type, TakerSide.UNKNOWN)
        printed = TradePrint(key, str(trade.id), price, size, side, microseconds_ns(micros), received_ns)
        return [printed, *self._noted(micros, received_ns)]

    def _noted(self, micros: int, received_ns: Nanos) -> list[Event]:
        is_prompt = self._promptness.is_prompt(received_ns, micros * NANOS_PER_MICROSECOND)
        return self._noted_by_others(micros, received_ns, is_prompt=is_prompt)

    def _noted_by_others(self, micros: int, received_ns: Nanos, *, is_prompt: bool) -> list[Event]:
        """Tell the books that wait for a copy which time the venue has reached on this connection."""
        if not is_prompt:
            return []
        return [event for book in self._books.values() for event in book.note_other(micros, received_ns)]

    def _levelled(self, key: str, message: _Levels, received_ns: Nanos, *, is_snapshot: bool) -> Levelled:
        digits = self._size_digits[key]
        bids = self._priced(parse_levels(message.bids, digits, is_snapshot=is_snapshot))
        asks = self._priced(parse_levels(message.asks, digits, is_snapshot=is_snapshot))
        return Levelled(_micros(message.microtimestamp), bids, asks, received_ns)

    def _priced(self, levels: Levels) -> Levels:
        """Leave out levels without a price: some bids have none, and nobody can trade there."""
        priced = [level for level in levels if level[0]]
        if len(priced) < len(levels):
            self.counters["zero_price_levels"] += len(levels) - len(priced)
        return priced

    def _subscription(self, message: _Frame, received_ns: Nanos) -> list[Event]:
        self.counters["acknowledgements"] += 1
        kind, _, symbol = message.channel.rpartition("_")
        book = self._by_symbol.get(symbol)
        if book is None or kind != _CHANGES:
            return []
        if message.event == "bts:subscription_succeeded":
            if not book.is_subscribed:
                book.subscribed(received_ns)
            return []
        was_aligned = book.is_aligned
        gap = book.lose(GapCause.UNALIGNED_SNAPSHOT, received_ns)
        book.forget()
        self._outgoing.append(_request("bts:subscribe", message.channel))
        return [gap] if was_aligned else []

    def _looked(self, events: list[Event], received_ns: Nanos) -> list[Event]:
        """Let every book see the time, and ask for what is due."""
        if received_ns >= self._look_from_ns:
            self._look_from_ns = received_ns + _LOOK_EVERY_NS
            for book in self._books.values():
                events += book.look(received_ns)
            self._ask(received_ns)
        for event in events:
            if isinstance(event, FeedGap) and event.cause is GapCause.CROSS_CHECK:
                self._mismatches += 1
                if self._mismatches >= _MOST_MISMATCHES:
                    self.reconnect_reason = "its changes do not make the books that it shows"
        return events

    def _ask(self, received_ns: Nanos) -> None:
        for book in self._books.values():
            if book.take_due(received_ns):
                self._requests += 1
                name = f"order_book {book.key} #{self._requests}"
                self._asked[book.key] = name, received_ns
                path = f"{BOOK_PATH}{self._symbols[book.key]}/"
                self._calls.append(HttpRequest(name, "GET", path, may_fail=True))


def _micros(text: str) -> int:
    if len(text) != _MICROS_DIGITS or not (text.isdigit() and text.isascii()):
        raise FeedFormatError(f"expected microseconds since 1970, received {text[:40]!r}")
    return int(text)


def _request(event: str, channel: str) -> bytes:
    return encode_frame({"event": event, "data": {"channel": channel}})
