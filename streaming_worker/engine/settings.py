"""Everything the fold depends on besides its events; part of every keyframe, so that an hour replays alone."""

import msgspec

from streaming_worker.core.cycle import FeeAsset
from streaming_worker.core.fees import NetworkCost, StableBasis, TakerFee
from streaming_worker.core.instrument import Instrument, Pool, Venue
from streaming_worker.core.inventory import Allocation
from streaming_worker.core.rebalancing import RebalancingSettings
from streaming_worker.core.units import E8, NANOS_PER_MILLISECOND, NANOS_PER_SECOND


class FeedScope(msgspec.Struct, frozen=True):
    """Which books and pools a feed keeps alive, by registry key."""

    name: str
    instruments: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()


class Limits(msgspec.Struct, frozen=True):
    """Risk and quality limits.

    Units: USD x 1e8, ns, millionths (1 bp is 100). ``staleness_ns``: transport silence that pauses;
    ``resume_after_ns``: health needed before an automatic resume, ``cooldown_ns``: how long nothing opens after
    it; ``max_late_ns``: how far behind the worker itself may be; ``max_lag_ns``: delivery delay by venue clock beyond
    which a leg is refused; one beyond ``staleness_ns`` pauses;
    ``min_output_tolerance_millionths``: how much worse than quoted a pool leg may land; ``max_sol_price_age_ns``:
    age of the SOL price beyond which network costs are unknown.
    """

    max_position_usd_e8: int = 1_000 * E8
    daily_loss_usd_e8: int = 500 * E8
    threshold_millionths: int = 1_000
    staleness_ns: int = 10 * NANOS_PER_SECOND
    resume_after_ns: int = 5 * NANOS_PER_SECOND
    cooldown_ns: int = 2 * NANOS_PER_SECOND
    max_late_ns: int = 100 * NANOS_PER_MILLISECOND
    max_lag_ns: int = 500 * NANOS_PER_MILLISECOND
    min_output_tolerance_millionths: int = 1_000
    max_sol_price_age_ns: int = 60 * NANOS_PER_SECOND


class Simulation(msgspec.Struct, frozen=True):
    """How simulated legs behave.

    ``ladder_ns``: latency of the CEX leg, one simulated trade each; ``primary_ns`` must be one of them: its trades
    count for PnL and risk. ``landing_slots``: slots between decision and landing of the pool leg. ``empirical_ns``:
    measured latencies at equally spaced quantiles, lowest first; one more trade draws its latency from them, by a hash
    of the opportunity. Empty: no such trade.
    """

    ladder_ns: tuple[int, ...] = tuple(ms * NANOS_PER_MILLISECOND for ms in (0, 50, 100, 250, 500, 1_000, 2_000))
    primary_ns: int = 250 * NANOS_PER_MILLISECOND
    landing_slots: int = 2
    empirical_ns: tuple[int, ...] = ()


class CycleSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Triangular cycles of one venue: every turn through three of its books that starts and ends in ``home``.

    ``home`` is money or a stable coin, counted at par. ``fee_asset``: which asset the venue takes its fee in.
    """

    venue: Venue
    home: str = "USD"
    fee_asset: FeeAsset = FeeAsset.QUOTE


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole configuration of one engine; routes are every instrument x pool of the same base asset,
    but crosses.

    Without ``allocations`` no inventory is kept: no size is capped by balances, nothing is reserved, and rebalancing
    costs nothing. With them a balance that is not listed holds nothing. Without ``cycles`` none is looked for.
    """

    instruments: tuple[Instrument, ...]
    pools: tuple[Pool, ...]
    feeds: tuple[FeedScope, ...]
    taker_fees: tuple[TakerFee, ...]
    network_cost: NetworkCost
    stable_bases: tuple[StableBasis, ...] = ()
    limits: Limits = Limits()
    simulation: Simulation = Simulation()
    sol_price_instruments: tuple[str, ...] = ()
    allocations: tuple[Allocation, ...] = ()
    rebalancing: RebalancingSettings = RebalancingSettings()
    rejection_interval_ns: int = 10 * NANOS_PER_SECOND
    cycles: tuple[CycleSettings, ...] = ()
