"""What a recording is about, before it is replayed: which protocol, which symbols, which instruments.

Instruments come from the recording's own REST bodies; a symbol that none describes gets the finest steps.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from streaming_worker.adapters.recorder import LineKind, RecordedLine, Recording, UnknownFile
from streaming_worker.core.instrument import Instrument, Venue
from streaming_worker.core.units import E8_DIGITS, I64_MAX
from streaming_worker.errors import StorageError

_COINBASE_PRODUCTS: Final = "/products"
_GEMINI_DETAILS: Final = "/symbols/details/"
_VENUE_OF: Final = {
    "coinbase_advanced": Venue.COINBASE,
    "coinbase_exchange": Venue.COINBASE,
    "gemini": Venue.GEMINI,
    "gemini_v2": Venue.GEMINI,
}
_FINEST: Final = 1
_FINE_NUMBER: Final = re.compile(rb'"\d+\.(\d{8,17}[1-9])0*"')
_ABSENT: Final = msgspec.Raw(b"0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The outcome: everything that a replay needs besides the frames."""

    protocol: str
    venue: Venue
    instruments: tuple[Instrument, ...]


class _Subscription(msgspec.Struct):
    symbols: list[str] = []


class _Sent(msgspec.Struct):
    """Every venue's way to name symbols in a client message."""

    product_ids: list[str] = []
    subscriptions: list[_Subscription] = []
    params: list[str] = []


class _Event(msgspec.Struct):
    product_id: str | None = None


class _Received(msgspec.Struct):
    """Every venue's way to name a symbol in a frame."""

    product_id: str | None = None
    symbol: str | None = None
    s: str | None = None
    events: list[_Event] = []


class _Details(msgspec.Struct):
    """One product of any of the venues' listings; numbers come as text or as JSON numbers (1e-08)."""

    symbol: str = ""
    id: str = ""
    product_id: str = ""
    base_currency: str = ""
    base_currency_id: str = ""
    quote_currency: str = ""
    quote_currency_id: str = ""
    price_increment: msgspec.Raw = _ABSENT
    quote_increment: msgspec.Raw = _ABSENT
    base_increment: msgspec.Raw = _ABSENT
    tick_size: msgspec.Raw = _ABSENT
    base_min_size: msgspec.Raw = _ABSENT
    min_order_size: msgspec.Raw = _ABSENT
    quote_min_size: msgspec.Raw = _ABSENT
    min_market_funds: msgspec.Raw = _ABSENT
    alias_to: list[str] = []


class _Listing(msgspec.Struct):
    products: list[_Details]


_sent = msgspec.json.Decoder(_Sent)
_received = msgspec.json.Decoder(_Received)
_listing = msgspec.json.Decoder(_Listing | list[_Details])
_details = msgspec.json.Decoder(_Details)


def survey(recording: Recording) -> Survey | UnknownFile:
    """Read a recording once for what it is about; of a damaged file, as far as it can be read."""
    url = ""
    asked: dict[str, None] = {}
    seen: dict[str, int] = {}
    listed: dict[str, _Details] = {}
    for line in _readable(recording):
        match line.kind:
            case LineKind.CONNECT:
                url = url or line.url
            case LineKind.SEND:
                asked |= dict.fromkeys(_symbols_sent(line.data))
            case LineKind.RECV:
                _note_digits(seen, line.data)
            case LineKind.HTTP:
                listed |= {_name(product): product for product in _products(line)}
    protocol = _protocol(recording.exchange, url)
    if protocol is None:
        return UnknownFile(f"no protocol here reads recordings of {recording.exchange} at {url or 'no address'}")
    venue = _VENUE_OF[protocol]
    size_digits = seen if venue is Venue.GEMINI else {}
    return Survey(protocol=protocol, venue=venue, instruments=_instruments(venue, asked or seen, listed, size_digits))


def _readable(recording: Recording) -> Iterator[RecordedLine]:
    """Yield lines up to the damage; the replay itself says where it is."""
    with suppress(StorageError):
        yield from recording.lines()


def _protocol(exchange: str | None, url: str) -> str | None:
    match exchange:
        case None:
            return "gemini"
        case "COINBASE":
            return "coinbase_advanced"
        case "COINBASE_EXCHANGE":
            return "coinbase_exchange"
        case "GEMINI":
            return "gemini_v2" if "/v2/" in url else "gemini"
        case _:
            return None


def _symbols_sent(data: bytes) -> list[str]:
    try:
        sent = _sent.decode(data)
    except msgspec.MsgspecError:
        return []
    streams = [param.partition("@")[0] for param in sent.params if "@" in param]
    return [*sent.product_ids, *(symbol for part in sent.subscriptions for symbol in part.symbols), *streams]


def _symbols_received(data: bytes) -> list[str]:
    try:
        frame = _received.decode(data)
    except msgspec.MsgspecError:
        return []
    names = (frame.product_id, frame.symbol, frame.s, *(event.product_id for event in frame.events))
    return [name for name in names if name]


def _note_digits(seen: dict[str, int], data: bytes) -> None:
    """Note the symbols of a frame, with the most significant fraction digits of any number in it, at least 8.

    Gemini prints two digits more than its quantity step, and they are not always zero.
    """
    digits = max((len(match[1]) for match in _FINE_NUMBER.finditer(data)), default=E8_DIGITS)
    for symbol in _symbols_received(data):
        seen[symbol] = max(seen.get(symbol, E8_DIGITS), digits)


def _products(line: RecordedLine) -> list[_Details]:
    try:
        if line.url.endswith(_COINBASE_PRODUCTS):
            listing = _listing.decode(line.data)
            return listing.products if isinstance(listing, _Listing) else listing
        return [_details.decode(line.data)] if _GEMINI_DETAILS in line.url else []
    except msgspec.MsgspecError:
        return []


def _name(product: _Details) -> str:
    return product.product_id or product.id or product.symbol


def _instruments(
    venue: Venue, symbols: Iterable[str], listed: dict[str, _Details], size_digits: dict[str, int]
) -> tuple[Instrument, ...]:
    """Return one instrument per book: an alias that was asked for counts as its canonical product."""
    canonical = {alias: name for name, product in listed.items() for alias in product.alias_to}
    names = dict.fromkeys(canonical.get(symbol, symbol) for symbol in symbols)
    return tuple(
        _instrument(venue, name, listed.get(name, _Details()), size_digits.get(name, E8_DIGITS)) for name in names
    )


def _instrument(venue: Venue, symbol: str, product: _Details, size_digits: int) -> Instrument:
    is_gemini = venue is Venue.GEMINI
    # Gemini's names mislead: tick_size is the quantity step, quote_increment the price tick.
    price_tick = product.quote_increment if is_gemini else _first(product.price_increment, product.quote_increment)
    return Instrument(
        venue=venue,
        symbol=symbol,
        base=product.base_currency_id or product.base_currency or symbol,
        quote=product.quote_currency_id or product.quote_currency,
        price_tick_e8=_e8(price_tick) or _FINEST,
        lot_e8=_e8(product.tick_size if is_gemini else product.base_increment) or _FINEST,
        min_size_e8=_e8(product.min_order_size if is_gemini else product.base_min_size),
        min_notional_e8=_e8(_first(product.quote_min_size, product.min_market_funds)),
        aliases=tuple(product.alias_to),
        size_digits=size_digits,
    )


def _first(value: msgspec.Raw, other: msgspec.Raw) -> msgspec.Raw:
    return value if value != _ABSENT else other


def _e8(raw: msgspec.Raw) -> int:
    """Return a listed number scaled by 1e8; 0 where it is none, or finer than the fixed point holds."""
    try:
        scaled = Decimal(bytes(raw).decode().strip('"')).scaleb(8)
        value = int(scaled)
    except (InvalidOperation, ValueError, OverflowError):
        return 0
    return value if value == scaled and 0 < value <= I64_MAX else 0
