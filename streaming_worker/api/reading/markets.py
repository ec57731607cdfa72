"""The books and pools of the configuration: names, pairs and venues of what rows call by key."""

from dataclasses import dataclass

from streaming_worker.core.units import NANOS_PER_MILLISECOND
from streaming_worker.engine.settings import EngineSettings


@dataclass(frozen=True, slots=True)
class Market:
    """One book or pool."""

    key: str
    venue: str
    symbol: str
    base: str
    quote: str
    feed: str
    size_digits: int

    @property
    def pair(self) -> str:
        """Base and quote."""
        return f"{self.base}/{self.quote}"


class Markets:
    """Every market of one configuration."""

    def __init__(self, settings: EngineSettings) -> None:
        feeds = {key: scope.name for scope in settings.feeds for key in (*scope.instruments, *scope.pools)}
        self.books = {
            one.key: Market(
                one.key, one.venue.value, one.symbol, one.base, one.quote, feeds.get(one.key, ""), one.size_digits
            )
            for one in settings.instruments
        }
        self.pools = {
            one.key: Market(one.key, one.venue.value, one.address, one.base, one.quote, feeds.get(one.key, ""), 8)
            for one in settings.pools
        }
        self.feeds = {scope.name: (*scope.instruments, *scope.pools) for scope in settings.feeds}
        self.primary_ns = settings.simulation.primary_ns
        self.settings = settings

    @property
    def primary_ms(self) -> int:
        """The latency whose trades count."""
        return self.primary_ns // NANOS_PER_MILLISECOND

    def pair_of(self, instrument: str) -> str:
        """Return the pair of a book; one that is no longer configured keeps its symbol."""
        market = self.books.get(instrument)
        return instrument.partition(":")[2] if market is None else market.pair

    def instruments_of(self, pair: str) -> list[str]:
        """Return the books of a pair, by pair or by symbol."""
        return [key for key, market in self.books.items() if pair in (market.pair, market.symbol, key)]


def venue_of(key: str) -> str:
    """Return the venue in a market's key."""
    return key.partition(":")[0]
