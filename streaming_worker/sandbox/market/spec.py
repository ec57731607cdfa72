"""What the synthetic market consists of: assets, books, the pool, and how often prices come apart."""

from typing import Final

import msgspec

from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND

COINBASE: Final = "coinbase"
GEMINI: Final = "gemini"
BITSTAMP: Final = "bitstamp"
POOL: Final = "pool"
CROSS: Final = "cross"
USD: Final = "USD"

GRID_NS: Final = 50 * NANOS_PER_MILLISECOND
"""Latent prices move on this grid of market time."""


class AssetSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One latent price.

    Units: ``start_price_e8`` USD x 1e8; ``step_e9`` is the deviation of one 50 ms step in 1e-9 of the price.
    """

    name: str
    start_price_e8: int
    step_e9: int = 45_000
    jump_every: int = 1_200
    jump_bps: int = 15


class BookSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One venue's book of one asset against USD, or against another asset: a cross.

    Units: a tick is 10**-price_decimals of the quote, a lot 10**-size_decimals of the base asset; ``half_spread_e6``,
    ``noise_e6`` and ``requote_e6`` are millionths of the price; ``typical_lots`` is a usual level size near the top.
    """

    venue: str
    asset: str
    price_decimals: int
    size_decimals: int
    half_spread_e6: int
    noise_e6: int
    requote_e6: int
    latency_ns: int
    levels: int
    depth_ticks: int
    typical_lots: int
    minimum_size: str
    activity_percent: int = 100
    quote: str = USD

    @property
    def symbol(self) -> str:
        """The market's own name of the pair; each face writes it as its venue does."""
        return f"{self.asset}-{self.quote}"

    @property
    def is_cross(self) -> bool:
        """Whether it is quoted in another asset."""
        return self.quote != USD

    @property
    def minimum_notional(self) -> str:
        """The least an order may be worth, in the quote asset: about a dollar."""
        return "0.000016" if self.is_cross else "1"


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How busy the books are: mean time between two batches of a book, most levels in one, batches per trade."""

    batch_ns: int
    most_levels: int
    batches_per_trade: int


LIVE_PACE: Final = Pace(batch_ns=28 * NANOS_PER_MILLISECOND, most_levels=20, batches_per_trade=14)
HISTORY_PACE: Final = Pace(batch_ns=200 * NANOS_PER_MILLISECOND, most_levels=8, batches_per_trade=6)


class DislocationSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how far one price leaves the others. ``mean_interval_ns`` 0 means never.

    ``targets`` are the venues, and the pool, whose price may leave.
    Units: ``least_bps`` and ``most_bps`` of the price; durations in nanoseconds, short ones
    as likely as long ones octave by octave.
    """

    mean_interval_ns: int = 40 * NANOS_PER_SECOND
    least_bps: int = 30
    most_bps: int = 150
    least_duration_ns: int = 100 * NANOS_PER_MILLISECOND
    most_duration_ns: int = 8 * NANOS_PER_SECOND
    targets: tuple[str, ...] = (COINBASE, GEMINI, POOL)


class PoolSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The Whirlpool of the market and who trades in it.

    Units: ``fee_rate`` and ``arbitrage_threshold_e6`` in millionths; ``slot_ns`` is the mean time of a slot.
    """

    asset: str = "SOL"
    tick_spacing: int = 4
    fee_rate: int = 400
    protocol_fee_rate: int = 1_300
    slot_ns: int = 400 * NANOS_PER_MILLISECOND
    first_slot: int = 433_000_000
    arbitrage_threshold_e6: int = 300
    liquidity_unit: int = 4_000_000_000_000


class MarketSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The whole market."""

    assets: tuple[AssetSpec, ...]
    books: tuple[BookSpec, ...]
    pool: PoolSpec = PoolSpec()
    dislocations: DislocationSpec = DislocationSpec()
    cross_dislocations: DislocationSpec | None = None


_SOL: Final = AssetSpec(name="SOL", start_price_e8=77_40000000)
_BTC: Final = AssetSpec(name="BTC", start_price_e8=65_080_00000000, step_e9=25_000)
_ETH: Final = AssetSpec(name="ETH", start_price_e8=1_919_00000000, step_e9=32_000)

_COINBASE_SOL: Final = BookSpec(
    venue=COINBASE,
    asset="SOL",
    price_decimals=2,
    size_decimals=8,
    half_spread_e6=60,
    noise_e6=20,
    requote_e6=70,
    latency_ns=30 * NANOS_PER_MILLISECOND,
    levels=320,
    depth_ticks=500,
    typical_lots=30_00000000,
    minimum_size="0.00000001",
)
_GEMINI_SOL: Final = BookSpec(
    venue=GEMINI,
    asset="SOL",
    price_decimals=3,
    size_decimals=6,
    half_spread_e6=125,
    noise_e6=60,
    requote_e6=40,
    latency_ns=160 * NANOS_PER_MILLISECOND,
    levels=260,
    depth_ticks=4_000,
    typical_lots=22_000000,
    minimum_size="0.001",
)
_BITSTAMP_SOL: Final = BookSpec(
    venue=BITSTAMP,
    asset="SOL",
    price_decimals=4,
    size_decimals=8,
    half_spread_e6=210,
    noise_e6=80,
    requote_e6=60,
    latency_ns=240 * NANOS_PER_MILLISECOND,
    levels=280,
    depth_ticks=30_000,
    typical_lots=16_00000000,
    minimum_size="0.00000001",
    activity_percent=40,
)


def _lesser(book: BookSpec, *, asset: str, price_decimals: int, size_decimals: int, typical_lots: int) -> BookSpec:
    return msgspec.structs.replace(
        book,
        asset=asset,
        price_decimals=price_decimals,
        size_decimals=size_decimals,
        typical_lots=typical_lots,
        minimum_size="0.00001" if book.venue == GEMINI else book.minimum_size,
        activity_percent=30,
    )


def _whole_dollars() -> BookSpec:
    # Since 2025 a tick of BTC/USD at Bitstamp is a whole dollar.
    book = _lesser(_BITSTAMP_SOL, asset="BTC", price_decimals=0, size_decimals=8, typical_lots=3_500000)
    return msgspec.structs.replace(book, depth_ticks=2_000)


def _cross() -> BookSpec:
    # SOL in BTC: with the two USD books of its venue it makes a triangle.
    book = _lesser(_COINBASE_SOL, asset="SOL", price_decimals=7, size_decimals=8, typical_lots=30_00000000)
    return msgspec.structs.replace(book, quote="BTC")


# Three taker fees stand between the cross and a gain: smaller differences would show nothing.
_CROSS_DISLOCATIONS: Final = DislocationSpec(
    mean_interval_ns=75 * NANOS_PER_SECOND,
    least_bps=90,
    most_bps=220,
    least_duration_ns=NANOS_PER_SECOND,
    targets=(CROSS,),
)
_LESSER_BOOKS: Final = (
    _lesser(_COINBASE_SOL, asset="BTC", price_decimals=2, size_decimals=8, typical_lots=4_000000),
    _lesser(_COINBASE_SOL, asset="ETH", price_decimals=2, size_decimals=8, typical_lots=120_000000),
    _lesser(_GEMINI_SOL, asset="BTC", price_decimals=2, size_decimals=8, typical_lots=3_000000),
    _lesser(_GEMINI_SOL, asset="ETH", price_decimals=2, size_decimals=6, typical_lots=900_000),
    _whole_dollars(),
    _cross(),
)


def default_market(*, extra_books: bool = False, dislocations: DislocationSpec | None = None) -> MarketSpec:
    """Return SOL/USD on three exchanges and the pool; ``extra_books`` adds BTC, ETH and SOL in BTC, less busy."""
    return MarketSpec(
        assets=(_SOL, _BTC, _ETH) if extra_books else (_SOL,),
        books=(_COINBASE_SOL, _GEMINI_SOL, _BITSTAMP_SOL, *(_LESSER_BOOKS if extra_books else ())),
        dislocations=dislocations or DislocationSpec(),
        cross_dislocations=_CROSS_DISLOCATIONS if extra_books else None,
    )
