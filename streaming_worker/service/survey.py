"""What a recording is about, before it is replayed: which protocol, which symbols, which instruments.

Instruments come from the recording's own REST bodies; a symbol that none describes gets the finest steps.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from streaming_worker.adapters.recorder import LineKind, RecordedLine, Recording, UnknownFile
from streaming_worker.core.instrument import Instrument, Venue
from streaming_worker.core.units import E8_DIGITS
from streaming_worker.errors import FeedFormatError, StorageError
from streaming_worker.protocols.listings import Listed, read_listing

_VENUE_OF: Final = {
    "coinbase_advanced": Venue.COINBASE,
    "coinbase_exchange": Venue.COINBASE,
    "gemini": Venue.GEMINI,
    "gemini_v2": Venue.GEMINI,
    "bitstamp": Venue.BITSTAMP,
}
_LISTINGS: Final = (
    ("/products", Venue.COINBASE),
    ("/symbols/details/", Venue.GEMINI),
    ("/trading-pairs-info", Venue.BITSTAMP),
    ("/api/v2/markets", Venue.BITSTAMP),
)
"""What an address with a listing holds, and whose it is."""
_FINEST: Final = 1
_FINE_NUMBER: Final = re.compile(rb'"\d+\.(\d{8,17}[1-9])0*"')
_CHANNELS: Final = ("diff_order_book_", "order_book_", "live_trades_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The outcome: everything that a replay needs besides the frames."""

    protocol: str
    venue: Venue
    instruments: tuple[Instrument, ...]


class _Subscription(msgspec.Struct):
    symbols: list[str] = []


class _Channel(msgspec.Struct, frozen=True):
    channel: str = ""


class _Sent(msgspec.Struct):
    """Every venue's way to name symbols in a client message."""

    product_ids: list[str] = []
    subscriptions: list[_Subscription] = []
    params: list[str] = []
    data: _Channel = _Channel()


class _Event(msgspec.Struct):
    product_id: str | None = None


class _Received(msgspec.Struct):
    """Every venue's way to name a symbol in a frame."""

    product_id: str | None = None
    symbol: str | None = None
    s: str | None = None
    channel: str = ""
    events: list[_Event] = []


_sent = msgspec.json.Decoder(_Sent)
_received = msgspec.json.Decoder(_Received)


def survey(recording: Recording) -> Survey | UnknownFile:
    """Read a recording once for what it is about; of a damaged file, as far as it can be read."""
    url = ""
    asked: dict[str, None] = {}
    seen: dict[str, int] = {}
    listed: dict[str, Listed] = {}
    for line in _readable(recording):
        match line.kind:
            case LineKind.CONNECT:
                url = url or line.url
            case LineKind.SEND:
                asked |= dict.fromkeys(_symbols_sent(line.data))
            case LineKind.RECV:
                _note_digits(seen, line.data)
            case LineKind.HTTP:
                listed |= {product.symbol: product for product in _products(line)}
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
        case "BITSTAMP":
            return "bitstamp"
        case _:
            return None


def _symbols_sent(data: bytes) -> list[str]:
    try:
        sent = _sent.decode(data)
    except msgspec.MsgspecError:
        return []
    streams = [param.partition("@")[0] for param in sent.params if "@" in param]
    subscribed = [symbol for part in sent.subscriptions for symbol in part.symbols]
    return [*sent.product_ids, *subscribed, *streams, *_symbol_of(sent.data.channel)]


def _symbol_of(channel: str) -> list[str]:
    """Return the symbol in a channel's name, as in diff_order_book_solusd."""
    return [channel.removeprefix(prefix) for prefix in _CHANNELS if channel.startswith(prefix)]


def _symbols_received(data: bytes) -> list[str]:
    try:
        frame = _received.decode(data)
    except msgspec.MsgspecError:
        return []
    names = (frame.product_id, frame.symbol, frame.s, *(event.product_id for event in frame.events))
    return [*(name for name in names if name), *_symbol_of(frame.channel)]


def _note_digits(seen: dict[str, int], data: bytes) -> None:
    """Note the symbols of a frame, with the most significant fraction digits of any number in it, at least 8.

    Gemini prints two digits more than its quantity step, and they are not always zero.
    """
    digits = max((len(match[1]) for match in _FINE_NUMBER.finditer(data)), default=E8_DIGITS)
    for symbol in _symbols_received(data):
        seen[symbol] = max(seen.get(symbol, E8_DIGITS), digits)


def _products(line: RecordedLine) -> list[Listed]:
    venue = next((venue for part, venue in _LISTINGS if part in line.url), None)
    if venue is None:
        return []
    try:
        return read_listing(venue, line.data)
    except FeedFormatError:
        return []


def _instruments(
    venue: Venue, symbols: Iterable[str], listed: dict[str, Listed], size_digits: dict[str, int]
) -> tuple[Instrument, ...]:
    """Return one instrument per book: an alias that was asked for counts as its canonical product."""
    canonical = {alias: name for name, product in listed.items() for alias in product.aliases}
    names = dict.fromkeys(canonical.get(symbol, symbol) for symbol in symbols)
    products = [listed.get(name) or Listed(symbol=name, base=name, quote="") for name in names]
    return tuple(_instrument(venue, product, size_digits.get(product.symbol, E8_DIGITS)) for product in products)


def _instrument(venue: Venue, product: Listed, size_digits: int) -> Instrument:
    return Instrument(
        venue=venue,
        symbol=product.symbol,
        base=product.base or product.symbol,
        quote=product.quote,
        price_tick_e8=product.price_tick_e8 or _FINEST,
        lot_e8=product.lot_e8 or _FINEST,
        min_size_e8=product.min_size_e8 or 0,
        min_notional_e8=product.min_notional_e8 or 0,
        aliases=product.aliases,
        size_digits=size_digits,
    )
