"""Gemini's archived v2 market data (api.gemini.com/v2/marketdata): no sequence, no times on books.

The first l2_updates of a symbol is its book, and only its ``trades`` and ``auction_events`` tell. Keys are in
alphabetical order, as recorded in August 2026. Source: docs.gemini.com websocket-api market-data-version-2.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.sandbox.faces.gemini_rest import GeminiRest
from streaming_worker.sandbox.faces.session import NEVER, HttpCall, HttpReply, Output
from streaming_worker.sandbox.faces.wire import with_point
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.changes import Level, LevelsChanged, MarketChange, Trade, Traded
from streaming_worker.sandbox.market.spec import GEMINI
from streaming_worker.sandbox.market.stepper import Market

_HEARTBEAT_NS: Final = 5 * NANOS_PER_SECOND
_EVENT_IDS: Final = 1_764_551_000_000_000
_TRADE_IDS: Final = 2_840_141_000_000_000


class _Subscription(msgspec.Struct):
    name: str
    symbols: list[str] = []


class _Request(msgspec.Struct):
    type: str
    subscriptions: list[_Subscription] = []


_decoder = msgspec.json.Decoder(_Request)


class GeminiV2Face:
    """Opens sessions and serves the same REST calls as the new API."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._rest = GeminiRest(market)

    def open(self, _path: str, _query: Mapping[str, str], _now_ns: int) -> "GeminiV2Session":
        """Begin a session; the path does not matter."""
        return GeminiV2Session(self._market)

    def answer(self, call: HttpCall, now_ns: int) -> HttpReply:
        """Answer a REST call."""
        return self._rest.answer(call, now_ns)


class GeminiV2Session:
    """One connection."""

    waits_for_reader = False

    def __init__(self, market: Market) -> None:
        self._market = market
        self._books: dict[str, BookModel] = {}
        self._heartbeat_ns = NEVER

    def due_ns(self) -> int:
        """Return the next heartbeat."""
        return self._heartbeat_ns

    def receive(self, frame: bytes, now_ns: int) -> Sequence[Output]:
        """Subscribe or unsubscribe; there is no acknowledgement, the book itself is the answer."""
        try:
            request = _decoder.decode(frame)
        except msgspec.MsgspecError:
            return [_error("InvalidJson", "cannot parse request")]
        if request.type not in ("subscribe", "unsubscribe"):
            return [_error("InvalidRequest", f"unknown type {request.type}")]
        frames: list[Output] = []
        for subscription in request.subscriptions:
            for symbol in subscription.symbols:
                frames += self._change(request.type, subscription.name, symbol, now_ns)
        return frames

    def on_market(self, changes: Sequence[MarketChange], now_ns: int) -> Sequence[Output]:
        """Send book changes and trades at once, and the heartbeat every five seconds."""
        frames: list[Output] = []
        for change in changes:
            if isinstance(change, LevelsChanged) and (book := self._held(change.venue, change.symbol)):
                if change.bids or change.asks:
                    frames.append(_update(book, change))
            elif isinstance(change, Traded) and (book := self._held(change.venue, change.symbol)):
                frames.append(_trade(book, change.trade).encode())
        while self._heartbeat_ns <= now_ns:
            stamp = self._heartbeat_ns // NANOS_PER_MILLISECOND
            frames.append(f'{{"timestamp":{stamp},"type":"heartbeat"}}'.encode())
            self._heartbeat_ns += _HEARTBEAT_NS
        return frames

    def _change(self, kind: str, name: str, symbol: str, now_ns: int) -> list[Output]:
        book = self._market.book(GEMINI, f"{symbol[:-3]}-{symbol[-3:]}")
        if name != "l2" or book is None:
            return [_error("InvalidSymbol", f"{name} {symbol}")]
        if kind == "unsubscribe":
            self._books.pop(book.spec.symbol, None)
            return []
        self._books[book.spec.symbol] = book
        if self._heartbeat_ns == NEVER:
            self._heartbeat_ns = now_ns + _HEARTBEAT_NS
        return [_snapshot(book)]

    def _held(self, venue: str, symbol: str) -> BookModel | None:
        return self._books.get(symbol) if venue == GEMINI else None


def _symbol(book: BookModel) -> str:
    return book.spec.symbol.replace("-", "")


def _changes(book: BookModel, bids: Sequence[Level], asks: Sequence[Level]) -> str:
    spec = book.spec
    return ",".join(
        f'["{side}","{with_point(price, spec.price_decimals)}","{with_point(lots, spec.size_decimals)}"]'
        for side, levels in (("buy", bids), ("sell", asks))
        for price, lots in levels
    )


def _snapshot(book: BookModel) -> bytes:
    changes = _changes(book, book.bids.sorted_levels(), book.asks.sorted_levels())
    trades = ",".join(_trade(book, trade) for trade in book.trades)
    return (
        f'{{"auction_events":[],"changes":[{changes}],"symbol":"{_symbol(book)}","trades":[{trades}],"type":"l2_updates"}}'
    ).encode()


def _update(book: BookModel, change: LevelsChanged) -> bytes:
    changes = _changes(book, change.bids, change.asks)
    return f'{{"changes":[{changes}],"symbol":"{_symbol(book)}","type":"l2_updates"}}'.encode()


def _trade(book: BookModel, trade: Trade) -> str:
    spec = book.spec
    return (
        f'{{"event_id":{_EVENT_IDS + trade.trade_id},"price":"{with_point(trade.price_ticks, spec.price_decimals)}",'
        f'"quantity":"{with_point(trade.lots, spec.size_decimals)}","side":"{"buy" if trade.taker_buys else "sell"}",'
        f'"symbol":"{_symbol(book)}","tid":{_TRADE_IDS + trade.trade_id},'
        f'"timestamp":{trade.ns // NANOS_PER_MILLISECOND},"type":"trade"}}'
    )


def _error(reason: str, message: str) -> bytes:
    return msgspec.json.encode({"result": "error", "reason": reason, "message": message})
