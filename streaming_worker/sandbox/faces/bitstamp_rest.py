"""Bitstamp's public REST calls: markets and order_book.

The book is a copy that the venue keeps for a while: 0.1 to 2.6 s old when it is given out, as in the recordings.
Source: bitstamp.net/api; bodies as recorded, a space after each comma and colon.
"""

import json
from typing import Any, Final

import msgspec

from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.sandbox.faces.session import HttpCall, HttpReply
from streaming_worker.sandbox.faces.wire import NANOS_PER_MICROSECOND, padded, split_target
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.changes import Level
from streaming_worker.sandbox.market.spec import BITSTAMP
from streaming_worker.sandbox.market.stepper import Market

_MARKETS: Final = "/api/v2/markets"
_BOOK: Final = "/api/v2/order_book/"
_YOUNGEST_NS: Final = 100 * NANOS_PER_MILLISECOND
_KEPT_NS: Final = 2_500 * NANOS_PER_MILLISECOND
_ZERO_PRICE_EVERY: Final = 3
_FIRST_ORDER: Final = 1_900_000_000_000_000
_NAMES: Final = {"SOL": "Solana", "BTC": "Bitcoin", "ETH": "Ether"}


def bitstamp_symbol(symbol: str) -> str:
    """Write "SOL-USD" as "solusd"."""
    return symbol.replace("-", "").lower()


def pairs(book: BookModel, levels: list[Level], comma: str) -> str:
    """Write levels with all the decimals of the market."""
    price, size = book.spec.price_decimals, book.spec.size_decimals
    return comma.join(f'["{padded(p, price, price)}"{comma}"{padded(lots, size, size)}"]' for p, lots in levels)


class _Copy(msgspec.Struct, frozen=True):
    """A book as it was at ``taken_ns``."""

    taken_ns: int
    changed_ns: int
    bids: list[Level]
    asks: list[Level]


class _Shelf:
    """The copies of one book: the one that is given out, and the next one, too young to be."""

    def __init__(self, book: BookModel) -> None:
        self.book = book
        self.number = 0
        self._shown = self._next = self._copy(book.changed_ns)

    def refresh(self, now_ns: int) -> None:
        if now_ns - self._next.taken_ns >= _YOUNGEST_NS and self._shown is not self._next:
            self._shown = self._next
            self.number += 1
        if now_ns - self._next.taken_ns >= _KEPT_NS:
            self._next = self._copy(now_ns)

    @property
    def shown(self) -> _Copy:
        return self._shown

    def _copy(self, now_ns: int) -> _Copy:
        book = self.book
        return _Copy(now_ns, book.changed_ns, book.bids.sorted_levels(), book.asks.sorted_levels())


class BitstampRest:
    """Answers from copies of the books."""

    def __init__(self, market: Market) -> None:
        self._market = market
        books = [book for book in market.books if book.spec.venue == BITSTAMP]
        self._shelves = {bitstamp_symbol(book.spec.symbol): _Shelf(book) for book in books}

    def refresh(self, now_ns: int) -> None:
        """Take new copies where the old ones have been kept long enough."""
        for shelf in self._shelves.values():
            shelf.refresh(now_ns)

    def answer(self, call: HttpCall, now_ns: int) -> HttpReply:
        """Answer one call; anything unknown is 404."""
        self.refresh(now_ns)
        path, query = split_target(call.path)
        if path.rstrip("/") == _MARKETS:
            return _reply([_describe(shelf.book) for shelf in self._shelves.values()])
        shelf = self._shelves.get(path.removeprefix(_BOOK).rstrip("/")) if path.startswith(_BOOK) else None
        if shelf is None:
            return _reply({"status": "error", "reason": "Not found", "code": "404.001"}, status=404)
        return HttpReply(status=200, body=_book(shelf, has_orders=query.get("group") == "2"))


def _book(shelf: _Shelf, *, has_orders: bool) -> bytes:
    copy, book = shelf.shown, shelf.book
    # Now and then a bid without a price is among the lowest, as clients have seen.
    zero = [(0, book.spec.typical_lots)] if shelf.number % _ZERO_PRICE_EVERY == 1 else []
    bids, asks = [*copy.bids, *zero], copy.asks
    sides = (
        (_with_orders(book, bids), _with_orders(book, asks)) if has_orders else (_plain(book, bids), _plain(book, asks))
    )
    return (
        f'{{"timestamp": "{copy.changed_ns // NANOS_PER_SECOND}", '
        f'"microtimestamp": "{copy.changed_ns // NANOS_PER_MICROSECOND}", "bids": [{sides[0]}], "asks": [{sides[1]}]}}'
    ).encode()


def _plain(book: BookModel, levels: list[Level]) -> str:
    return pairs(book, levels, ", ")


def _with_orders(book: BookModel, levels: list[Level]) -> str:
    # One order stands at each level of the synthetic book; its number follows from its price.
    return ", ".join(f'{pairs(book, [level], ", ")[:-1]}, "{_FIRST_ORDER + level[0]}"]' for level in levels)


def _describe(book: BookModel) -> dict[str, Any]:
    spec = book.spec
    return {
        "name": f"{spec.asset}/USD",
        "market_symbol": bitstamp_symbol(spec.symbol),
        "base_currency": spec.asset,
        "base_decimals": spec.size_decimals,
        "counter_currency": "USD",
        "counter_decimals": spec.price_decimals,
        "minimum_order_value": "10",
        "trading": "Enabled",
        "instant_and_market_orders": "Enabled",
        "description": f"{_NAMES[spec.asset]} / U.S. dollar",
        "market_type": "SPOT",
    }


def _reply(value: object, *, status: int = 200) -> HttpReply:
    return HttpReply(status=status, body=json.dumps(value).encode())
