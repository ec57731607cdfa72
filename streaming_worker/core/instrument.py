"""What is traded where: venues, instruments, pools, and the registry that knows aliases.

Two views of one book (Coinbase SOL-USD and SOL-USDC) share one canonical instrument, so
they can never be traded against each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from streaming_worker.core.units import E8_DIGITS
from streaming_worker.errors import ConfigError


class Venue(StrEnum):
    """A place where a price is made."""

    COINBASE = "coinbase"
    GEMINI = "gemini"
    BITSTAMP = "bitstamp"
    ORCA = "orca"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One order book of a centralised exchange.

    Units: ``price_tick_e8`` and ``min_notional_e8`` in quote x 1e8; ``lot_e8`` and ``min_size_e8`` in base x 1e8.
    Sizes in events and books are base x 10^``size_digits``: 8, or more where a venue leaves finer residues; such an
    instrument is recorded and shown, but has no route (costs are counted in 1e-8).
    """

    venue: Venue
    symbol: str
    base: str
    quote: str
    price_tick_e8: int
    lot_e8: int
    min_size_e8: int
    min_notional_e8: int
    aliases: tuple[str, ...] = ()
    size_digits: int = E8_DIGITS

    @property
    def key(self) -> str:
        """The identifier used in events, outputs and tables: ``venue:symbol``."""
        return f"{self.venue.value}:{self.symbol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One on-chain pool; ``base`` is token A, ``quote`` token B."""

    venue: Venue
    address: str
    base: str
    quote: str
    base_decimals: int
    quote_decimals: int

    @property
    def key(self) -> str:
        """The identifier used in events, outputs and tables: ``venue:address``."""
        return f"{self.venue.value}:{self.address}"


@dataclass(frozen=True, slots=True)
class Registry:
    """Every instrument and pool that a run knows, by key, in configured order."""

    instruments: dict[str, Instrument]
    pools: dict[str, Pool]

    @classmethod
    def of(cls, instruments: Iterable[Instrument], pools: Iterable[Pool]) -> "Registry":
        """Build a registry. Raises ConfigError on a duplicate key or an alias that is also listed."""
        by_key: dict[str, Instrument] = {}
        taken: set[str] = set()
        for instrument in instruments:
            names = [instrument.key, *(f"{instrument.venue.value}:{alias}" for alias in instrument.aliases)]
            for name in names:
                if name in taken:
                    raise ConfigError(f"instrument {name} is configured twice (an alias is the same book)", key=name)
                taken.add(name)
            by_key[instrument.key] = instrument
        pools_by_key: dict[str, Pool] = {}
        for pool in pools:
            if pool.key in pools_by_key:
                raise ConfigError(f"pool {pool.key} is configured twice", key=pool.key)
            pools_by_key[pool.key] = pool
        return cls(by_key, pools_by_key)
