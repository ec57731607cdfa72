"""The Coinbase Exchange feed: level2_batch, matches and a heartbeat per product; no sequence on books.

Source: docs.cdp.coinbase.com exchange websocket channels; a recorded connection of April 2021.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.sandbox.faces.session import NEVER, Hangup, HttpCall, HttpReply, Output
from streaming_worker.sandbox.faces.wire import json_reply, padded, rfc3339, split_target, trimmed
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.changes import LevelsChanged, MarketChange, Trade, Traded
from streaming_worker.sandbox.market.spec import COINBASE
from streaming_worker.sandbox.market.stepper import Market

_SUBSCRIBE_WITHIN_NS: Final = 5 * NANOS_PER_SECOND
_BATCH_NS: Final = 50 * NANOS_PER_MILLISECOND
_BATCH: Final = "level2_batch"
_CHANNELS: Final = frozenset({_BATCH, "matches", "heartbeat", "ticker"})
_LOCKED: Final = frozenset({"level2", "level3", "full"})
_FIRST_SEQUENCE: Final = 8_176_375_276


class _Channel(msgspec.Struct):
    name: str
    product_ids: list[str] = []


class _Request(msgspec.Struct):
    type: str
    product_ids: list[str] = []
    channels: list[str | _Channel] = []


_decoder = msgspec.json.Decoder(_Request)
_Change: TypeAlias = tuple[str, int, int]


class CoinbaseExchangeFace:
    """Opens sessions and serves the list of products."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def open(self, _path: str, _query: Mapping[str, str], now_ns: int) -> "CoinbaseExchangeSession":
        """Begin a session; the path does not matter."""
        return CoinbaseExchangeSession(self._market, now_ns)

    def answer(self, call: HttpCall, _now_ns: int) -> HttpReply:
        """Answer /products; anything else is not there."""
        if split_target(call.path)[0] != "/products":
            return json_reply({"message": "NotFound"}, status=404)
        return json_reply([_product(self._market, symbol) for symbol in self._market.symbols(COINBASE)])


class CoinbaseExchangeSession:
    """One connection; book changes are gathered for 50 ms."""

    waits_for_reader = False

    def __init__(self, market: Market, now_ns: int) -> None:
        self._market = market
        self._hangup_ns = now_ns + _SUBSCRIBE_WITHIN_NS
        self._subscribed: dict[str, list[str]] = {}
        self._pending: dict[str, dict[tuple[str, int], int]] = {}
        self._flush_ns = NEVER
        self._heartbeat_ns = NEVER

    def due_ns(self) -> int:
        """Return the next batch, heartbeat or hang-up."""
        return min(self._flush_ns, self._heartbeat_ns, self._hangup_ns)

    def receive(self, frame: bytes, now_ns: int) -> Sequence[Output]:
        """Subscribe or unsubscribe: errors first, then the list of subscriptions, then snapshots."""
        try:
            request = _decoder.decode(frame)
        except msgspec.MsgspecError:
            return [_error("Malformed JSON", "request is not valid JSON")]
        if request.type not in ("subscribe", "unsubscribe"):
            return [_error("Malformed JSON", f"unknown type {request.type}")]
        if not request.channels:
            return [_error("Failed to subscribe", "No channels provided")]
        replies: list[Output] = []
        snapshots: list[Output] = []
        for channel in request.channels:
            name, products = _named(channel, request.product_ids)
            refusal = self._refusal(name, products)
            if refusal is not None:
                replies.append(_error("Failed to subscribe", refusal))
            elif request.type == "subscribe":
                snapshots += self._subscribe(name, products, now_ns)
            else:
                self._unsubscribe(name, products)
        return [*replies, self._subscriptions(), *snapshots]

    def on_market(self, changes: Sequence[MarketChange], now_ns: int) -> Sequence[Output]:
        """Gather changes, send due batches, matches at once, a heartbeat each second."""
        if now_ns >= self._hangup_ns:
            self._hangup_ns = NEVER
            return [Hangup(code=1008, reason="no subscription within 5 seconds")]
        frames: list[Output] = []
        for change in changes:
            if isinstance(change, LevelsChanged) and self._wants(_BATCH, change.venue, change.symbol):
                self._gather(change, now_ns)
            elif isinstance(change, Traded) and self._wants("matches", change.venue, change.symbol):
                frames.append(self._match("match", change.symbol, change.trade))
        if now_ns >= self._flush_ns:
            frames += self._flush(now_ns)
        while self._heartbeat_ns <= now_ns:
            frames += [self._heartbeat(symbol) for symbol in self._subscribed["heartbeat"]]
            self._heartbeat_ns += NANOS_PER_SECOND
        return frames

    def _refusal(self, name: str, products: list[str]) -> str | None:
        if name in _LOCKED:
            return "level2, level3, and full channels now require authentication."
        if name not in _CHANNELS:
            return f"{name} is not a valid channel"
        unknown = [product for product in products if self._market.book(COINBASE, product) is None]
        return f"{unknown[0]} is not a valid product" if unknown else None

    def _subscribe(self, name: str, products: list[str], now_ns: int) -> list[Output]:
        self._hangup_ns = NEVER
        held = self._subscribed.setdefault(name, [])
        held += [product for product in products if product not in held]
        if name == "heartbeat" and self._heartbeat_ns == NEVER:
            self._heartbeat_ns = now_ns + NANOS_PER_SECOND
        if name == _BATCH:
            return [_snapshot(self._book(product)) for product in products]
        if name == "matches":
            return [self._match("last_match", product, self._book(product).trades[-1]) for product in products]
        return []

    def _unsubscribe(self, name: str, products: list[str]) -> None:
        left = [product for product in self._subscribed.pop(name, []) if product not in products]
        if left:
            self._subscribed[name] = left
        elif name == "heartbeat":
            self._heartbeat_ns = NEVER

    def _subscriptions(self) -> bytes:
        channels = [{"name": name, "product_ids": products} for name, products in self._subscribed.items()]
        return msgspec.json.encode({"type": "subscriptions", "channels": channels})

    def _gather(self, change: LevelsChanged, now_ns: int) -> None:
        pending = self._pending.setdefault(change.symbol, {})
        pending.update({("buy", price): lots for price, lots in change.bids})
        pending.update({("sell", price): lots for price, lots in change.asks})
        if self._flush_ns == NEVER:
            self._flush_ns = now_ns + _BATCH_NS

    def _flush(self, now_ns: int) -> list[Output]:
        self._flush_ns = NEVER
        pending, self._pending = self._pending, {}
        return [_l2update(self._book(symbol), changes, now_ns) for symbol, changes in pending.items() if changes]

    def _match(self, kind: str, symbol: str, trade: Trade) -> bytes:
        # ``side`` is the maker's; order ids are random on the wire and made of the trade's number here.
        spec = self._book(symbol).spec
        maker, taker = (f"{trade.trade_id:08x}-{part}-4000-8000-{trade.trade_id:012x}" for part in ("0a0a", "0b0b"))
        return (
            f'{{"type":"{kind}","trade_id":{trade.trade_id},"maker_order_id":"{maker}","taker_order_id":"{taker}",'
            f'"side":"{"sell" if trade.taker_buys else "buy"}","size":"{trimmed(trade.lots, spec.size_decimals)}",'
            f'"price":"{trimmed(trade.price_ticks, spec.price_decimals)}","product_id":"{symbol}",'
            f'"sequence":{self._sequence(symbol)},"time":"{rfc3339(trade.ns, digits=6)}"}}'
        ).encode()

    def _heartbeat(self, symbol: str) -> bytes:
        last = self._book(symbol).trades[-1].trade_id
        time = rfc3339(self._heartbeat_ns, digits=6)
        return (
            f'{{"type":"heartbeat","last_trade_id":{last},"product_id":"{symbol}",'
            f'"sequence":{self._sequence(symbol)},"time":"{time}"}}'
        ).encode()

    def _sequence(self, symbol: str) -> int:
        return _FIRST_SEQUENCE + self._book(symbol).update_id % 10**12

    def _wants(self, channel: str, venue: str, symbol: str) -> bool:
        return venue == COINBASE and symbol in self._subscribed.get(channel, ())

    def _book(self, symbol: str) -> BookModel:
        book = self._market.book(COINBASE, symbol)
        assert book is not None
        return book


def _product(market: Market, symbol: str) -> dict[str, Any]:
    book = market.book(COINBASE, symbol)
    assert book is not None
    spec = book.spec
    return {
        "id": symbol,
        "base_currency": spec.asset,
        "quote_currency": spec.quote,
        "quote_increment": trimmed(1, spec.price_decimals),
        "base_increment": trimmed(1, spec.size_decimals),
        "display_name": f"{spec.asset}/{spec.quote}",
        "min_market_funds": spec.minimum_notional,
        "margin_enabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": False,
        "trading_disabled": False,
        "status": "online",
        "status_message": "",
    }


def _named(channel: str | _Channel, products: list[str]) -> tuple[str, list[str]]:
    if isinstance(channel, str):
        return channel, products
    return channel.name, channel.product_ids or products


def _snapshot(book: BookModel) -> bytes:
    asks = _pairs(book, book.asks.sorted_levels())
    bids = _pairs(book, book.bids.sorted_levels())
    time = rfc3339(book.changed_ns, digits=6)
    return (
        f'{{"type":"snapshot","product_id":"{book.spec.symbol}","asks":[{asks}],"bids":[{bids}],"time":"{time}"}}'
    ).encode()


def _pairs(book: BookModel, levels: Sequence[tuple[int, int]]) -> str:
    decimals = book.spec.price_decimals
    return ",".join(
        f'["{padded(price, decimals, decimals)}","{trimmed(lots, book.spec.size_decimals)}"]' for price, lots in levels
    )


def _l2update(book: BookModel, changes: Mapping[tuple[str, int], int], now_ns: int) -> bytes:
    spec = book.spec
    listed = ",".join(
        f'["{side}","{padded(price, spec.price_decimals, spec.price_decimals)}",'
        f'"{padded(lots, spec.size_decimals, spec.size_decimals)}"]'
        for (side, price), lots in changes.items()
    )
    time = rfc3339(now_ns, digits=6)
    return f'{{"type":"l2update","product_id":"{spec.symbol}","changes":[{listed}],"time":"{time}"}}'.encode()


def _error(message: str, reason: str) -> bytes:
    return msgspec.json.encode({"type": "error", "message": message, "reason": reason})
