"""What a venue lists: steps, minimums, status and aliases of its symbols, read from its REST answers.

Every venue's own words become one shape; what an answer leaves out is None, and nothing is guessed here.
Source: api.coinbase.com market/products and api.exchange.coinbase.com products; api.gemini.com v1/symbols/details;
bitstamp.net api/v2/markets and trading-pairs-info; bodies as recorded in 2021, 2022 and 2026.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias

import msgspec

from streaming_worker.core.instrument import Venue
from streaming_worker.core.units import E8_DIGITS, I64_MAX
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import HttpRequest

_PATHS: Final = {
    "coinbase_advanced": "/api/v3/brokerage/market/products",
    "coinbase_exchange": "/products",
    "gemini": "/v1/symbols/details/{}",
    "gemini_v2": "/v1/symbols/details/{}",
    "bitstamp": "/api/v2/markets/",
}
_ABSENT: Final = msgspec.Raw(b"0")


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol as listed. Units: steps and minimums x 1e8; None where not given, or finer than 1e-8.

    ``status`` is the venue's own word for what stands against trading; empty when nothing does.
    """

    symbol: str
    base: str
    quote: str
    price_tick_e8: int | None = None
    lot_e8: int | None = None
    min_size_e8: int | None = None
    min_notional_e8: int | None = None
    status: str = ""
    aliases: tuple[str, ...] = ()


class _Coinbase(msgspec.Struct):
    product_id: str = ""
    id: str = ""
    base_currency_id: str = ""
    base_currency: str = ""
    quote_currency_id: str = ""
    quote_currency: str = ""
    price_increment: msgspec.Raw = _ABSENT
    quote_increment: msgspec.Raw = _ABSENT
    base_increment: msgspec.Raw = _ABSENT
    base_min_size: msgspec.Raw = _ABSENT
    quote_min_size: msgspec.Raw = _ABSENT
    min_market_funds: msgspec.Raw = _ABSENT
    alias_to: list[str] = []
    status: str = "online"
    is_disabled: bool = False
    trading_disabled: bool = False
    cancel_only: bool = False
    limit_only: bool = False
    post_only: bool = False
    view_only: bool = False
    auction_mode: bool = False


class _CoinbasePage(msgspec.Struct):
    products: list[_Coinbase]


class _Gemini(msgspec.Struct):
    """The names mislead: ``tick_size`` is the step of the quantity, ``quote_increment`` that of the price."""

    symbol: str
    base_currency: str = ""
    quote_currency: str = ""
    tick_size: msgspec.Raw = _ABSENT
    quote_increment: msgspec.Raw = _ABSENT
    min_order_size: msgspec.Raw = _ABSENT
    status: str = "open"


class _Bitstamp(msgspec.Struct):
    """``minimum_order`` is a number and its currency in one text, as in "25.0 USD"; ``trading`` is Enabled or not."""

    market_symbol: str = ""
    url_symbol: str = ""
    name: str = ""
    base_decimals: int | None = None
    counter_decimals: int | None = None
    minimum_order_value: msgspec.Raw = _ABSENT
    minimum_order: str = ""
    trading: str = "Enabled"


_STOPS: Final = (
    "is_disabled", "trading_disabled", "view_only", "cancel_only", "auction_mode", "post_only", "limit_only",
)  # fmt: skip
_coinbase = msgspec.json.Decoder(_CoinbasePage | list[_Coinbase])
_coinbase_one = msgspec.json.Decoder(_Coinbase)
_gemini = msgspec.json.Decoder(list[_Gemini] | _Gemini)
_bitstamp = msgspec.json.Decoder(list[_Bitstamp])
_Read: TypeAlias = Callable[[bytes], list[Listed]]


def listing_calls(protocol: str, symbols: Sequence[str]) -> list[HttpRequest]:
    """Return the calls that tell of these symbols; none for a protocol whose venue has no listing."""
    if protocol not in _PATHS:
        return []
    path = _PATHS[protocol]
    paths = [path.format(symbol.lower()) for symbol in symbols] if "{}" in path else [path]
    return [HttpRequest(f"listing {path}", "GET", path) for path in paths]


def read_listing(venue: Venue, body: bytes) -> list[Listed]:
    """Return what one answer lists, in its order. Raises FeedFormatError for anything but a listing of the venue."""
    read = _READERS.get(venue)
    if read is None:
        raise FeedFormatError(f"expected a venue with order books, received {venue.value}")
    try:
        return read(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise FeedFormatError(f"{venue.value}: expected a listing, received {body[:120]!r}: {e}") from e


def _read_coinbase(body: bytes) -> list[Listed]:
    try:
        page = _coinbase.decode(body)
    except msgspec.ValidationError:
        page = [_coinbase_one.decode(body)]
    products = page.products if isinstance(page, _CoinbasePage) else page
    return [_from_coinbase(product) for product in products if product.product_id or product.id]


def _from_coinbase(product: _Coinbase) -> Listed:
    stops = [] if product.status == "online" else [product.status]
    stops += [name for name in _STOPS if getattr(product, name)]
    return Listed(
        symbol=product.product_id or product.id,
        base=product.base_currency_id or product.base_currency,
        quote=product.quote_currency_id or product.quote_currency,
        price_tick_e8=_e8(_first(product.price_increment, product.quote_increment)),
        lot_e8=_e8(product.base_increment),
        min_size_e8=_e8(product.base_min_size),
        min_notional_e8=_e8(_first(product.quote_min_size, product.min_market_funds)),
        status=", ".join(stops),
        aliases=tuple(product.alias_to),
    )


def _read_gemini(body: bytes) -> list[Listed]:
    read = _gemini.decode(body)
    return [_from_gemini(details) for details in (read if isinstance(read, list) else [read])]


def _from_gemini(details: _Gemini) -> Listed:
    return Listed(
        symbol=details.symbol,
        base=details.base_currency,
        quote=details.quote_currency,
        price_tick_e8=_e8(details.quote_increment),
        lot_e8=_e8(details.tick_size),
        min_size_e8=_e8(details.min_order_size),
        status="" if details.status == "open" else details.status,
    )


def _read_bitstamp(body: bytes) -> list[Listed]:
    return [_from_bitstamp(market) for market in _bitstamp.decode(body) if market.market_symbol or market.url_symbol]


def _from_bitstamp(market: _Bitstamp) -> Listed:
    base, _, quote = market.name.partition("/")
    minimum = _e8(market.minimum_order_value)
    return Listed(
        symbol=market.market_symbol or market.url_symbol,
        base=base,
        quote=quote,
        price_tick_e8=_step(market.counter_decimals),
        lot_e8=_step(market.base_decimals),
        min_notional_e8=_e8_of(market.minimum_order.partition(" ")[0]) if minimum is None else minimum,
        status="" if market.trading == "Enabled" else market.trading,
    )


def _step(decimals: int | None) -> int | None:
    return None if decimals is None or not 0 <= decimals <= E8_DIGITS else int(10 ** (E8_DIGITS - decimals))


def _first(value: msgspec.Raw, other: msgspec.Raw) -> msgspec.Raw:
    return value if value != _ABSENT else other


def _e8(raw: msgspec.Raw) -> int | None:
    """Return a listed number, a text or a JSON number such as 1e-08, scaled by 1e8."""
    return _e8_of(bytes(raw).decode().strip('"'))


def _e8_of(text: str) -> int | None:
    try:
        scaled = Decimal(text).scaleb(E8_DIGITS)
        value = int(scaled)
    except (InvalidOperation, ValueError, OverflowError):
        return None
    return value if value == scaled and 0 < value <= I64_MAX else None


_READERS: Final[dict[Venue, _Read]] = {
    Venue.COINBASE: _read_coinbase,
    Venue.GEMINI: _read_gemini,
    Venue.BITSTAMP: _read_bitstamp,
}
