"""Gemini's current market-data socket (ws.gemini.com): depth diffs, trades and bookTicker as named streams.

Source: developer.gemini.com websocket introduction and streams (0.10.7); recorded frames of September 2026.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.sandbox.faces.gemini_rest import GeminiRest, gemini_symbol
from streaming_worker.sandbox.faces.session import NEVER, HttpCall, HttpReply, Output
from streaming_worker.sandbox.faces.wire import padded, whole_number
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.changes import Level, LevelsChanged, MarketChange, Trade, Traded
from streaming_worker.sandbox.market.spec import GEMINI
from streaming_worker.sandbox.market.stepper import Market

_DEPTH_EVERY_NS: Final = {"depth": NANOS_PER_SECOND, "depth@100ms": 100 * NANOS_PER_MILLISECOND}
_TRADE: Final = "trade"
_TICKER: Final = "bookTicker"
_FULL_BOOK: Final = -1
_BAD_REQUEST: Final = (-1102, "Invalid request")
_UNKNOWN_STREAM: Final = (-1121, "Invalid symbol or stream")


class _Request(msgspec.Struct):
    method: str
    id: str | int | None = None
    params: Any = None


_decoder = msgspec.json.Decoder(_Request)


class _Depth:
    """One depth stream of one connection: what has changed since the last frame, and that frame's ``u``."""

    def __init__(self, book: BookModel, every_ns: int) -> None:
        self.book = book
        self.every_ns = every_ns
        self.last_update_id = book.update_id
        self.update_id = book.update_id
        self.changed_ns = book.changed_ns
        self.flush_ns = NEVER
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}

    def gather(self, change: LevelsChanged, now_ns: int) -> None:
        """Add a change; the first one starts the interval."""
        self._bids.update(change.bids)
        self._asks.update(change.asks)
        self.update_id = change.update_id
        self.changed_ns = change.ns
        if self.flush_ns == NEVER:
            self.flush_ns = now_ns + self.every_ns

    def snapshot(self, most_levels: int) -> bytes:
        """Return the book as the first frame: U equals u, and nothing else says that it is a snapshot."""
        keep = None if most_levels == _FULL_BOOK else most_levels
        bids = self.book.bids.sorted_levels()[:keep]
        asks = self.book.asks.sorted_levels()[:keep]
        return self._frame(self.update_id, bids, asks)

    def flush(self) -> bytes | None:
        """Return the diff since the last frame; its U is the last frame's u. None when nothing is left."""
        first, self.last_update_id = self.last_update_id, self.update_id
        bids, asks = list(self._bids.items()), list(self._asks.items())
        self._bids.clear()
        self._asks.clear()
        self.flush_ns = NEVER
        return self._frame(first, bids, asks) if bids or asks else None

    def _frame(self, first: int, bids: Sequence[Level], asks: Sequence[Level]) -> bytes:
        return (
            f'{{"e":"depthUpdate","E":{self.changed_ns},"s":"{gemini_symbol(self.book.spec.symbol)}",'
            f'"U":{first},"u":{self.update_id},"b":[{_pairs(self.book, bids)}],"a":[{_pairs(self.book, asks)}]}}'
        ).encode()


class GeminiFace:
    """Opens sessions and serves the public REST calls."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._rest = GeminiRest(market)

    def open(self, _path: str, query: Mapping[str, str], _now_ns: int) -> "GeminiSession":
        """Begin a session; the query says how much of each book comes first (0 none, -1 all, N levels)."""
        wanted = query.get("snapshot")
        return GeminiSession(self._market, _FULL_BOOK if wanted == "-1" else whole_number(wanted, otherwise=0))

    def answer(self, call: HttpCall, now_ns: int) -> HttpReply:
        """Answer a REST call."""
        return self._rest.answer(call, now_ns)


class GeminiSession:
    """One connection."""

    waits_for_reader = False

    def __init__(self, market: Market, snapshot_levels: int) -> None:
        self._market = market
        self._snapshot_levels = snapshot_levels
        self._depths: dict[str, _Depth] = {}
        self._streams: dict[str, BookModel] = {}
        self._tops: dict[str, tuple[Level, Level]] = {}

    def due_ns(self) -> int:
        """Return when the next depth frame is due."""
        return min((depth.flush_ns for depth in self._depths.values()), default=NEVER)

    def receive(self, frame: bytes, now_ns: int) -> Sequence[Output]:
        """Answer one request; the method's case does not matter."""
        try:
            request = _decoder.decode(frame)
        except msgspec.MsgspecError:
            return [
                msgspec.json.encode({"result": "error", "reason": "InvalidJson", "message": "cannot parse request"})
            ]
        match request.method.lower():
            case "subscribe":
                return self._subscribe(request)
            case "unsubscribe":
                return self._unsubscribe(request)
            case "ping" | "conninfo":
                return [_accepted(request)]
            case "time":
                return [_accepted(request, {"serverTime": now_ns // NANOS_PER_MILLISECOND})]
            case "list_subscriptions":
                return [_accepted(request, [*self._depths, *self._streams])]
            case _:
                return [_refused(request, _BAD_REQUEST)]

    def on_market(self, changes: Sequence[MarketChange], now_ns: int) -> Sequence[Output]:
        """Send trades and top of book at once, depth when its interval ends."""
        frames: list[Output] = []
        for change in changes:
            if isinstance(change, Traded) and self._has(_TRADE, change.venue, change.symbol):
                frames.append(_trade(self._streams[f"{gemini_symbol(change.symbol)}@{_TRADE}"], change.trade))
            elif isinstance(change, LevelsChanged) and change.venue == GEMINI:
                frames += self._levels(change, now_ns)
        for depth in self._depths.values():
            if depth.flush_ns <= now_ns and (frame := depth.flush()) is not None:
                frames.append(frame)
        return frames

    def _levels(self, change: LevelsChanged, now_ns: int) -> list[Output]:
        for depth in self._depths.values():
            if depth.book.key == (change.venue, change.symbol):
                depth.gather(change, now_ns)
        stream = f"{gemini_symbol(change.symbol)}@{_TICKER}"
        book = self._streams.get(stream)
        top = (change.best_bid, change.best_ask)
        if book is None or self._tops.get(stream) == top:
            return []
        self._tops[stream] = top
        return [_ticker(book, change.update_id, change.ns, change.best_bid, change.best_ask)]

    def _subscribe(self, request: _Request) -> list[Output]:
        streams = _names(request.params)
        books = [self._book(stream) for stream in streams]
        if not streams or None in books:
            return [_refused(request, _UNKNOWN_STREAM)]
        snapshots: list[Output] = []
        tickers: list[Output] = []
        for stream, book in zip(streams, books, strict=True):
            assert book is not None
            kind = stream.partition("@")[2]
            if kind in _DEPTH_EVERY_NS:
                depth = self._depths[stream] = _Depth(book, _DEPTH_EVERY_NS[kind])
                snapshots += [depth.snapshot(self._snapshot_levels)] if self._snapshot_levels else []
            else:
                self._streams[stream] = book
                if kind == _TICKER:
                    self._tops[stream] = (book.bids.top, book.asks.top)
                    tickers.append(_ticker(book, book.update_id, book.changed_ns, book.bids.top, book.asks.top))
        return [*snapshots, _accepted(request), *tickers]

    def _unsubscribe(self, request: _Request) -> list[Output]:
        for stream in _names(request.params):
            self._depths.pop(stream, None)
            self._streams.pop(stream, None)
        return [_accepted(request)]

    def _book(self, stream: str) -> BookModel | None:
        symbol, _, kind = stream.partition("@")
        if kind not in (*_DEPTH_EVERY_NS, _TRADE, _TICKER):
            return None
        known = {gemini_symbol(name): name for name in self._market.symbols(GEMINI)}
        return self._market.book(GEMINI, known[symbol]) if symbol in known else None

    def _has(self, kind: str, venue: str, symbol: str) -> bool:
        return venue == GEMINI and f"{gemini_symbol(symbol)}@{kind}" in self._streams


def _names(params: object) -> list[str]:
    return [name for name in params if isinstance(name, str)] if isinstance(params, list) else []


def _pairs(book: BookModel, levels: Sequence[Level]) -> str:
    return ",".join(f'["{_price(book, price)}","{_size(book, lots)}"]' for price, lots in levels)


def _price(book: BookModel, ticks: int) -> str:
    return padded(ticks, book.spec.price_decimals, book.spec.price_decimals + 3)


def _size(book: BookModel, lots: int) -> str:
    return padded(lots, book.spec.size_decimals, book.spec.size_decimals + 2)


def _ticker(book: BookModel, update_id: int, event_ns: int, bid: Level, ask: Level) -> bytes:
    last = book.trades[-1]
    return (
        f'{{"u":{update_id},"E":{event_ns},"s":"{gemini_symbol(book.spec.symbol)}",'
        f'"b":"{_price(book, bid[0])}","B":"{_size(book, bid[1])}",'
        f'"a":"{_price(book, ask[0])}","A":"{_size(book, ask[1])}",'
        f'"c":"{_price(book, last.price_ticks)}","C":"{_size(book, last.lots)}"}}'
    ).encode()


def _trade(book: BookModel, trade: Trade) -> bytes:
    # ``m`` says that the buyer was the maker.
    return (
        f'{{"E":{trade.ns},"s":"{gemini_symbol(book.spec.symbol)}","t":{trade.trade_id},'
        f'"p":"{_price(book, trade.price_ticks)}","q":"{_size(book, trade.lots)}",'
        f'"m":{"false" if trade.taker_buys else "true"}}}'
    ).encode()


def _accepted(request: _Request, result: object = None) -> bytes:
    reply: dict[str, object] = {"id": request.id, "status": 200}
    return msgspec.json.encode(reply if result is None else {**reply, "result": result})


def _refused(request: _Request, error: tuple[int, str]) -> bytes:
    return msgspec.json.encode({"id": request.id, "status": 400, "error": {"code": error[0], "msg": error[1]}})
