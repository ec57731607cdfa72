"""Coinbase Advanced Trade's market-data socket, as seen in recordings of August 2026.

Source: docs.cdp.coinbase.com advanced-trade websocket guides; a recorded connection of 613 frames.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.faces.coinbase_rest import CoinbaseRest, canonical_symbol
from streaming_worker.sandbox.faces.session import NEVER, Hangup, HttpCall, HttpReply, Output
from streaming_worker.sandbox.faces.wire import quoted_list, rfc3339, trimmed
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.changes import LevelsChanged, MarketChange, Trade, Traded
from streaming_worker.sandbox.market.spec import COINBASE
from streaming_worker.sandbox.market.stepper import Market

_SUBSCRIBE_WITHIN_NS: Final = 5 * NANOS_PER_SECOND
_UPTIME_AT_START: Final = 41_691
_LEVEL2: Final = "level2"
_TRADES: Final = "market_trades"
_HEARTBEATS: Final = "heartbeats"
_SILENT_CHANNELS: Final = frozenset({"ticker", "ticker_batch", "candles", "status"})
_CHANNELS: Final = _SILENT_CHANNELS | {_LEVEL2, _TRADES, _HEARTBEATS}


class _Request(msgspec.Struct):
    type: str
    channel: str = ""
    product_ids: list[str] = []


_decoder = msgspec.json.Decoder(_Request)


class CoinbaseFace:
    """Opens sessions and serves the public REST calls."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._rest = CoinbaseRest(market)

    def open(self, _path: str, _query: Mapping[str, str], now_ns: int) -> "CoinbaseSession":
        """Begin a session; the path does not matter."""
        return CoinbaseSession(self._market, now_ns)

    def answer(self, call: HttpCall, now_ns: int) -> HttpReply:
        """Answer a REST call."""
        return self._rest.answer(call, now_ns)


class CoinbaseSession:
    """One connection: one sequence over all its channels and products."""

    waits_for_reader = False

    def __init__(self, market: Market, now_ns: int) -> None:
        self._market = market
        self._sequence = 0
        self._subscribed: dict[str, list[str]] = {}
        self._hangup_ns = now_ns + _SUBSCRIBE_WITHIN_NS
        self._server_started_ns = market.started_ns - _UPTIME_AT_START * NANOS_PER_SECOND - 145_185_296
        self._heartbeat_ns = NEVER

    def due_ns(self) -> int:
        """Return the next heartbeat, or the moment to hang up on a client that said nothing."""
        return min(self._heartbeat_ns, self._hangup_ns)

    def receive(self, frame: bytes, now_ns: int) -> Sequence[Output]:
        """Subscribe or unsubscribe one channel: data first, then the list of all subscriptions."""
        try:
            request = _decoder.decode(frame)
        except msgspec.MsgspecError:
            return [_error("invalid JSON in request")]
        if request.type not in ("subscribe", "unsubscribe"):
            return [_error(f"unknown request type: {request.type}")]
        if request.channel not in _CHANNELS:
            return [_error(f"unknown channel: {request.channel}")]
        return self._change_subscription(request, now_ns)

    def on_market(self, changes: Sequence[MarketChange], now_ns: int) -> Sequence[Output]:
        """Send book and trade updates and the heartbeat of each second."""
        if now_ns >= self._hangup_ns:
            self._hangup_ns = NEVER
            return [Hangup(code=1008, reason="no subscription within 5 seconds")]
        frames: list[Output] = []
        for change in changes:
            if isinstance(change, LevelsChanged) and self._wants(_LEVEL2, change.venue, change.symbol):
                frames.append(self._envelope("l2_data", now_ns, self._book_update(change)))
            elif isinstance(change, Traded) and self._wants(_TRADES, change.venue, change.symbol):
                body = _trades("update", self._book(change.symbol), [change.trade])
                frames.append(self._envelope(_TRADES, now_ns, body))
        while self._heartbeat_ns <= now_ns:
            frames.append(self._heartbeat(now_ns))
        return frames

    def _change_subscription(self, request: _Request, now_ns: int) -> list[Output]:
        symbols = (
            ["heartbeats"] if request.channel == _HEARTBEATS else [canonical_symbol(p) for p in request.product_ids]
        )
        if request.channel != _HEARTBEATS:
            unknown = [symbol for symbol in symbols if self._market.book(COINBASE, symbol) is None]
            if unknown or not symbols:
                return [_error(f"invalid product_ids: {', '.join(unknown) or 'none given'}")]
        held = self._subscribed.setdefault(request.channel, [])
        frames: list[Output] = []
        if request.type == "subscribe":
            self._hangup_ns = NEVER
            for symbol in symbols:
                frames += self._subscribe(request.channel, symbol, held, now_ns)
        else:
            self._unsubscribe(request.channel, symbols, held)
        return [*frames, self._acknowledgement(now_ns)]

    def _subscribe(self, channel: str, symbol: str, held: list[str], now_ns: int) -> list[Output]:
        if symbol not in held:
            held.append(symbol)
        if channel == _HEARTBEATS:
            self._schedule_heartbeat(now_ns)
        elif channel == _LEVEL2:
            return [self._envelope("l2_data", now_ns, _book_snapshot(self._book(symbol)))]
        elif channel == _TRADES:
            book = self._book(symbol)
            return [self._envelope(_TRADES, now_ns, _trades("snapshot", book, book.trades[::-1]))]
        return []

    def _unsubscribe(self, channel: str, symbols: list[str], held: list[str]) -> None:
        held[:] = [symbol for symbol in held if symbol not in symbols]
        if not held:
            del self._subscribed[channel]
        if channel == _HEARTBEATS:
            self._heartbeat_ns = NEVER

    def _acknowledgement(self, now_ns: int) -> bytes:
        listed = ",".join(f'"{channel}":{quoted_list(ids)}' for channel, ids in sorted(self._subscribed.items()))
        return self._envelope("subscriptions", now_ns, f'{{"subscriptions":{{{listed}}}}}')

    def _schedule_heartbeat(self, now_ns: int) -> None:
        uptime = (now_ns - self._server_started_ns) // NANOS_PER_SECOND
        self._heartbeat_ns = self._server_started_ns + (uptime + 1) * NANOS_PER_SECOND

    def _heartbeat(self, now_ns: int) -> bytes:
        at_ns = self._heartbeat_ns
        self._heartbeat_ns += NANOS_PER_SECOND
        counter, fraction = divmod(at_ns - self._server_started_ns, NANOS_PER_SECOND)
        current = rfc3339(at_ns).replace("T", " ").replace("Z", "")
        body = f'{{"current_time":"{current} +0000 UTC m=+{counter}.{fraction:09d}","heartbeat_counter":{counter}}}'
        return self._envelope(_HEARTBEATS, now_ns, body)

    def _envelope(self, channel: str, now_ns: int, event: str) -> bytes:
        sequence = self._sequence
        self._sequence += 1
        head = f'{{"channel":"{channel}","timestamp":"{rfc3339(now_ns)}","sequence_num":{sequence},"events":['
        return f"{head}{event}]}}".encode()

    def _book_update(self, change: LevelsChanged) -> str:
        updates = _updates(self._book(change.symbol), change.bids, change.asks, change.ns)
        return f'{{"type":"update","product_id":"{change.symbol}","updates":[{updates}]}}'

    def _wants(self, channel: str, venue: str, symbol: str) -> bool:
        return venue == COINBASE and symbol in self._subscribed.get(channel, ())

    def _book(self, symbol: str) -> BookModel:
        book = self._market.book(COINBASE, symbol)
        assert book is not None
        return book


def _book_snapshot(book: BookModel) -> str:
    updates = _updates(book, book.bids.sorted_levels(), book.asks.sorted_levels(), book.changed_ns)
    return f'{{"type":"snapshot","product_id":"{book.spec.symbol}","updates":[{updates}]}}'


def _updates(book: BookModel, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]], event_ns: int) -> str:
    price_decimals, size_decimals = book.spec.price_decimals, book.spec.size_decimals
    event_time = rfc3339(event_ns, digits=6)
    return ",".join(
        f'{{"side":"{side}","event_time":"{event_time}","price_level":"{trimmed(price, price_decimals)}",'
        f'"new_quantity":"{trimmed(lots, size_decimals)}"}}'
        for side, levels in (("bid", bids), ("offer", asks))
        for price, lots in levels
    )


def _trades(kind: str, book: BookModel, trades: Sequence[Trade]) -> str:
    # ``side`` is the maker's: SELL when the taker bought.
    spec = book.spec
    listed = ",".join(
        f'{{"product_id":"{spec.symbol}","trade_id":"{trade.trade_id}",'
        f'"price":"{trimmed(trade.price_ticks, spec.price_decimals)}",'
        f'"size":"{trimmed(trade.lots, spec.size_decimals)}",'
        f'"time":"{rfc3339(trade.ns, digits=6)}","side":"{"SELL" if trade.taker_buys else "BUY"}"}}'
        for trade in trades
    )
    return f'{{"type":"{kind}","trades":[{listed}]}}'


def _error(message: str) -> bytes:
    return msgspec.json.encode({"type": "error", "message": message})
