"""Bitstamp's public socket: order book diffs, whole top-100 books and trades, one channel per subscription.

There is no sequence and no snapshot on subscribing: a client aligns diffs with the REST book by microtimestamp.
Source: bitstamp.net/websocket/v2; recorded connections of April 2021 and January 2022.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.sandbox.faces.bitstamp_rest import BitstampRest, bitstamp_symbol, pairs
from streaming_worker.sandbox.faces.session import NEVER, HttpCall, HttpReply, Output
from streaming_worker.sandbox.faces.wire import NANOS_PER_MICROSECOND, padded, trimmed
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.changes import Level, LevelsChanged, MarketChange, Trade, Traded
from streaming_worker.sandbox.market.spec import BITSTAMP
from streaming_worker.sandbox.market.stepper import Market

_DIFF: Final = "diff_order_book"
_BOOK: Final = "order_book"
_TRADES: Final = "live_trades"
_EVERY_NS: Final = {_DIFF: 160 * NANOS_PER_MILLISECOND, _BOOK: 200 * NANOS_PER_MILLISECOND}
_TOP: Final = 100
_LONGEST_FRAME: Final = 512
_MOST_CHANNELS: Final = 1_024
_FIRST_TRADE: Final = 400_000_000
_FIRST_ORDER: Final = 1_900_000_000_000_000


class _Request(msgspec.Struct):
    event: str
    data: Any = None


_decoder = msgspec.json.Decoder(_Request)


class BitstampFace:
    """Opens sessions and serves the public REST calls."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._rest = BitstampRest(market)

    def open(self, _path: str, _query: Mapping[str, str], _now_ns: int) -> "BitstampSession":
        """Begin a session; the path does not matter."""
        return BitstampSession(self._market)

    def answer(self, call: HttpCall, now_ns: int) -> HttpReply:
        """Answer a REST call."""
        return self._rest.answer(call, now_ns)

    def follow(self, _changes: Sequence[MarketChange], now_ns: int) -> None:
        """Let the REST books grow old."""
        self._rest.refresh(now_ns)


class _Gathered:
    """What one channel of one connection has to say when its interval ends."""

    def __init__(self, book: BookModel, every_ns: int) -> None:
        self.book = book
        self.due_ns = NEVER
        self._every_ns = every_ns
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}

    def gather(self, change: LevelsChanged, now_ns: int) -> None:
        """Add a change; the first one starts the interval."""
        self._bids.update(change.bids)
        self._asks.update(change.asks)
        if self.due_ns == NEVER and (self._bids or self._asks):
            self.due_ns = now_ns + self._every_ns

    def take(self) -> tuple[list[Level], list[Level]]:
        """Return and forget the changed levels, each side from the best on."""
        self.due_ns = NEVER
        sides = sorted(self._bids.items(), reverse=True), sorted(self._asks.items())
        self._bids.clear()
        self._asks.clear()
        return sides


class BitstampSession:
    """One connection."""

    waits_for_reader = False

    def __init__(self, market: Market) -> None:
        self._market = market
        self._channels: set[str] = set()
        self._gathered: dict[str, _Gathered] = {}
        self._trades: dict[tuple[str, str], BookModel] = {}

    def due_ns(self) -> int:
        """Return when the next book frame is due."""
        return min((gathered.due_ns for gathered in self._gathered.values()), default=NEVER)

    def receive(self, frame: bytes, _now_ns: int) -> Sequence[Output]:
        """Answer one request. An unknown market is acknowledged, and nothing follows."""
        if len(frame) > _LONGEST_FRAME:
            return [_error("Message too long.")]
        try:
            request = _decoder.decode(frame)
        except msgspec.MsgspecError:
            return [_error("Incorrect JSON format.")]
        if request.event == "bts:heartbeat":
            return [b'{"event":"bts:heartbeat","data":{"status":"success"}}']
        channel = request.data.get("channel") if isinstance(request.data, dict) else None
        if not isinstance(channel, str) or not _is_channel(channel):
            return [_error("Bad subscription string.")]
        match request.event:
            case "bts:subscribe":
                return [self._subscribe(channel)]
            case "bts:unsubscribe":
                return [self._unsubscribe(channel)]
            case _:
                return [_error("Incorrect JSON format.")]

    def on_market(self, changes: Sequence[MarketChange], now_ns: int) -> Sequence[Output]:
        """Send trades at once, books when their interval ends."""
        frames: list[Output] = []
        for change in changes:
            if isinstance(change, Traded) and (book := self._trades.get((change.venue, change.symbol))):
                frames.append(_trade(book, change.trade))
            elif isinstance(change, LevelsChanged):
                for gathered in self._gathered.values():
                    if gathered.book.key == (change.venue, change.symbol):
                        gathered.gather(change, now_ns)
        for channel, gathered in self._gathered.items():
            if gathered.due_ns <= now_ns:
                frames.append(_book(channel, gathered))
        return frames

    def _subscribe(self, channel: str) -> bytes:
        if len(self._channels) >= _MOST_CHANNELS:
            return _error("Too many subscriptions.")
        self._channels.add(channel)
        kind, _, symbol = channel.rpartition("_")
        book = self._known(symbol)
        if book is not None and kind in _EVERY_NS:
            self._gathered.setdefault(channel, _Gathered(book, _EVERY_NS[kind]))
        elif book is not None:
            self._trades[book.key] = book
        return _acknowledged("bts:subscription_succeeded", channel)

    def _unsubscribe(self, channel: str) -> bytes:
        self._channels.discard(channel)
        self._gathered.pop(channel, None)
        kind, _, symbol = channel.rpartition("_")
        book = self._known(symbol)
        if kind == _TRADES and book is not None:
            self._trades.pop(book.key, None)
        return _acknowledged("bts:unsubscription_succeeded", channel)

    def _known(self, symbol: str) -> BookModel | None:
        names = {bitstamp_symbol(name): name for name in self._market.symbols(BITSTAMP)}
        return self._market.book(BITSTAMP, names[symbol]) if symbol in names else None


def _is_channel(channel: str) -> bool:
    kind, _, symbol = channel.rpartition("_")
    return (
        kind in (_DIFF, _BOOK, _TRADES) and symbol.isascii() and symbol.replace("-", "").isalnum() and symbol.islower()
    )


def _book(channel: str, gathered: _Gathered) -> bytes:
    book = gathered.book
    bids, asks = gathered.take()
    if channel.startswith(_BOOK):
        bids, asks = book.bids.sorted_levels()[:_TOP], book.asks.sorted_levels()[:_TOP]
    micros = book.changed_ns // NANOS_PER_MICROSECOND
    return (
        f'{{"data":{{"timestamp":"{book.changed_ns // NANOS_PER_SECOND}","microtimestamp":"{micros}",'
        f'"bids":[{pairs(book, bids, ",")}],"asks":[{pairs(book, asks, ",")}]}},"channel":"{channel}","event":"data"}}'
    ).encode()


def _trade(book: BookModel, trade: Trade) -> bytes:
    # The venue's trade times have milliseconds only. The younger of the two orders is the taker's.
    spec = book.spec
    millis = trade.ns // NANOS_PER_MILLISECOND
    maker, taker = _FIRST_ORDER + trade.trade_id * 2, _FIRST_ORDER + trade.trade_id * 2 + 1
    buyer, seller = (taker, maker) if trade.taker_buys else (maker, taker)
    price, size = spec.price_decimals, spec.size_decimals
    return (
        f'{{"data":{{"id":{_FIRST_TRADE + trade.trade_id},"timestamp":"{millis // 1000}",'
        f'"amount":{trimmed(trade.lots, size)},"amount_str":"{padded(trade.lots, size, size)}",'
        f'"price":{trimmed(trade.price_ticks, price)},"price_str":"{padded(trade.price_ticks, price, price)}",'
        f'"type":{0 if trade.taker_buys else 1},"microtimestamp":"{millis * 1000}",'
        f'"buy_order_id":{buyer},"sell_order_id":{seller}}},'
        f'"channel":"{_TRADES}_{bitstamp_symbol(spec.symbol)}","event":"trade"}}'
    ).encode()


def _acknowledged(event: str, channel: str) -> bytes:
    return f'{{"event":"{event}","channel":"{channel}","data":{{}}}}'.encode()


def _error(message: str) -> bytes:
    return msgspec.json.encode({"event": "bts:error", "channel": "", "data": {"code": None, "message": message}})
