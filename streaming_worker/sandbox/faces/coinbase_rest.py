"""Coinbase Advanced Trade's public REST calls: products and product_book.

Source: api.coinbase.com/api/v3/brokerage/market; bodies as recorded in August 2026, a space after each comma.
"""

import json
from typing import Any, Final

from streaming_worker.core.units import E8
from streaming_worker.sandbox.faces.session import HttpCall, HttpReply
from streaming_worker.sandbox.faces.wire import rfc3339, split_target, trimmed, whole_number
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.spec import COINBASE
from streaming_worker.sandbox.market.stepper import Market

_PRODUCTS: Final = "/api/v3/brokerage/market/products"
_BOOK: Final = "/api/v3/brokerage/market/product_book"
_NAMES: Final = {"SOL": "Solana", "BTC": "Bitcoin", "ETH": "Ethereum", "USD": "US Dollar"}
_FALSE_FLAGS: Final = (
    "watched",
    "is_disabled",
    "new",
    "cancel_only",
    "limit_only",
    "post_only",
    "trading_disabled",
    "auction_mode",
)


def canonical_symbol(product_id: str) -> str:
    """Return the product whose book answers: a -USDC product is a view of the -USD one."""
    return product_id[:-1] if product_id.endswith("-USDC") else product_id


class CoinbaseRest:
    """Answers from the market as it is at the call."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def answer(self, call: HttpCall, now_ns: int) -> HttpReply:
        """Answer one call; anything unknown is 404 in the venue's shape."""
        path, query = split_target(call.path)
        if path == _PRODUCTS:
            return _reply(self._products())
        if path.startswith(f"{_PRODUCTS}/"):
            return self._product(path.removeprefix(f"{_PRODUCTS}/"))
        book = self._market.book(COINBASE, canonical_symbol(query.get("product_id", "")))
        if path == _BOOK and book is not None:
            return _reply(
                _product_book(book, query["product_id"], whole_number(query.get("limit"), otherwise=0), now_ns)
            )
        return _not_found()

    def _products(self) -> dict[str, Any]:
        products = []
        for symbol in self._market.symbols(COINBASE):
            products += [self._describe(symbol, quote) for quote in self._quotes(symbol)]
        pages = {"prev_cursor": "", "next_cursor": "", "has_next": False, "has_prev": False}
        return {"products": products, "num_products": len(products), "pagination": pages}

    def _product(self, product_id: str) -> HttpReply:
        symbol = canonical_symbol(product_id)
        if symbol not in self._market.symbols(COINBASE):
            return _not_found()
        own, *aliases = self._quotes(symbol)
        return _reply(self._describe(symbol, aliases[0] if product_id != symbol else own))

    def _quotes(self, symbol: str) -> list[str]:
        """Return what a product is quoted in: a book in USD is shown in USDC as well."""
        quote = symbol.rpartition("-")[2]
        return [quote, "USDC"] if quote == "USD" else [quote]

    def _describe(self, symbol: str, quote: str) -> dict[str, Any]:
        book = self._market.book(COINBASE, symbol)
        assert book is not None
        spec = book.spec
        tick = trimmed(1, spec.price_decimals)
        price = trimmed(book.trades[-1].price_ticks, spec.price_decimals)
        is_alias = quote == "USDC"
        return {
            "product_id": f"{spec.asset}-{quote}",
            "price": price,
            "price_percentage_change_24h": "1.16751934933753",
            "volume_24h": "370504.50543101",
            "base_increment": trimmed(1, spec.size_decimals),
            "quote_increment": tick,
            "quote_min_size": spec.minimum_notional,
            "quote_max_size": "25000000",
            "base_min_size": spec.minimum_size,
            "base_max_size": "1274000",
            "base_name": _NAMES[spec.asset],
            "quote_name": _NAMES.get(quote, quote),
            **dict.fromkeys(_FALSE_FLAGS, False),
            "status": "online",
            "product_type": "SPOT",
            "quote_currency_id": quote,
            "base_currency_id": spec.asset,
            "fcm_trading_session_details": None,
            "mid_market_price": "",
            "alias": symbol if is_alias else "",
            "alias_to": [f"{spec.asset}-USDC"] if quote == "USD" else [],
            "base_display_symbol": spec.asset,
            "quote_display_symbol": spec.quote,
            "view_only": False,
            "price_increment": tick,
            "display_name": f"{spec.asset}-{quote}",
            "product_venue": "CBE",
        }


def _product_book(book: BookModel, product_id: str, limit: int, now_ns: int) -> dict[str, Any]:
    bid, ask = book.bids.best, book.asks.best
    decimals = book.spec.price_decimals
    middle = trimmed((bid + ask) * 5, decimals + 1)
    return {
        "pricebook": {
            "product_id": product_id,
            "bids": _levels(book, book.bids.sorted_levels()[: limit or None]),
            "asks": _levels(book, book.asks.sorted_levels()[: limit or None]),
            "time": rfc3339(now_ns, digits=6),
        },
        "last": trimmed(book.trades[-1].price_ticks, decimals),
        "mid_market": middle,
        "spread_bps": trimmed((ask - bid) * 2 * 10_000 * E8 // (bid + ask), 8),
        "spread_absolute": trimmed(ask - bid, decimals),
    }


def _levels(book: BookModel, levels: list[tuple[int, int]]) -> list[dict[str, str]]:
    spec = book.spec
    return [
        {"price": trimmed(price, spec.price_decimals), "size": trimmed(lots, spec.size_decimals)}
        for price, lots in levels
    ]


def _reply(value: object) -> HttpReply:
    return HttpReply(status=200, body=json.dumps(value, separators=(", ", ":")).encode())


def _not_found() -> HttpReply:
    body = {
        "error": "NOT_FOUND",
        "error_details": "valid product_id is required",
        "message": "valid product_id is required",
    }
    return HttpReply(status=404, body=json.dumps(body).encode())
