"""Gemini's public REST calls: symbols, their details, and the book.

``tick_size`` is the step of the quantity and ``quote_increment`` that of the price, both as JSON numbers.
Source: docs.gemini.com rest-api; bodies as recorded in August 2026.
"""

from collections.abc import Mapping
from typing import Final

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.faces.session import HttpCall, HttpReply
from streaming_worker.sandbox.faces.wire import json_reply, padded, split_target, trimmed, whole_number, with_point
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.changes import Level
from streaming_worker.sandbox.market.spec import GEMINI
from streaming_worker.sandbox.market.stepper import Market

_SYMBOLS: Final = "/v1/symbols"
_DETAILS: Final = "/v1/symbols/details/"
_BOOK: Final = "/v1/book/"
_DEFAULT_LEVELS: Final = 50


def gemini_symbol(symbol: str) -> str:
    """Write "SOL-USD" as "solusd"."""
    return symbol.replace("-", "").lower()


class GeminiRest:
    """Answers from the market as it is at the call."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def answer(self, call: HttpCall, now_ns: int) -> HttpReply:
        """Answer one call; anything unknown is refused in the venue's shape."""
        path, query = split_target(call.path)
        books = {gemini_symbol(name): self._market.book(GEMINI, name) for name in self._market.symbols(GEMINI)}
        if path == _SYMBOLS:
            return json_reply(list(books))
        if path.startswith(_DETAILS) and (book := books.get(path.removeprefix(_DETAILS).lower())) is not None:
            return HttpReply(status=200, body=_details(book))
        if path.startswith(_BOOK) and (book := books.get(path.removeprefix(_BOOK).lower())) is not None:
            return _book(book, query, now_ns)
        reason = {
            "result": "error",
            "reason": "InvalidSymbol",
            "message": f"Supplied value '{path}' is not a valid symbol",
        }
        return json_reply(reason, status=400)


def _details(book: BookModel) -> bytes:
    spec = book.spec
    return (
        f'{{"symbol":"{spec.asset}USD","quote_currency":"USD","tick_size":{trimmed(1, spec.size_decimals)},'
        f'"quote_increment":{trimmed(1, spec.price_decimals)},"min_order_size":"{spec.minimum_size}","status":"open",'
        f'"wrap_enabled":false,"product_type":"spot","contract_type":"vanilla","contract_price_currency":"USD",'
        f'"base_currency":"{spec.asset}"}}'
    ).encode()


def _book(book: BookModel, query: Mapping[str, str], now_ns: int) -> HttpReply:
    most_bids = whole_number(query.get("limit_bids"), otherwise=_DEFAULT_LEVELS)
    most_asks = whole_number(query.get("limit_asks"), otherwise=_DEFAULT_LEVELS)
    second = str(now_ns // NANOS_PER_SECOND)
    bids = book.bids.sorted_levels()[: most_bids or None]
    asks = book.asks.sorted_levels()[: most_asks or None]
    return json_reply({"bids": _levels(book, bids, second), "asks": _levels(book, asks, second)})


def _levels(book: BookModel, levels: list[Level], second: str) -> list[dict[str, str]]:
    decimals = book.spec.price_decimals
    return [
        {
            "price": padded(price, decimals, decimals),
            "amount": with_point(lots, book.spec.size_decimals),
            "timestamp": second,
        }
        for price, lots in levels
    ]
