"""All mutable state of the fold in one place: feeds, books, pools, chain, routes, open trades, risk."""

import msgspec

from streaming_worker.core.amm.pool_state import OracleState, TickArray, WhirlpoolMarket, WhirlpoolState
from streaming_worker.core.amm.whirlpool import needed_array_starts
from streaming_worker.core.book import Book
from streaming_worker.core.controls import HeldHalt
from streaming_worker.core.cycle import Cycle, CycleFees, CyclePlan, cycles_of
from streaming_worker.core.cycle_simulate import PendingCycle
from streaming_worker.core.events import PriorityFees
from streaming_worker.core.fees import StableBasis
from streaming_worker.core.grade import Rung
from streaming_worker.core.instrument import Instrument, Registry
from streaming_worker.core.inventory import Inventory
from streaming_worker.core.outputs import RejectionReason, TradePlan
from streaming_worker.core.quote import Proportional, pool_price_after_fee
from streaming_worker.core.rebalancing import Recommendation, Transfers
from streaming_worker.core.rebalancing_cost import RebalancingTerms
from streaming_worker.core.risk import Risk
from streaming_worker.core.route import Route, routes_of
from streaming_worker.core.simulate import PendingTrade
from streaming_worker.core.spending import Spending
from streaming_worker.core.units import E8
from streaming_worker.core.venue_clock import VenueClock
from streaming_worker.engine.settings import CycleSettings, EngineSettings

MOST_SAMPLES = 32


class FeedStatus(msgspec.Struct):
    """What the engine knows of one feed.

    ``last_alive_ns`` is the last sign of life of the transport; None until the first connection. ``clock`` is the
    venue's clock against ours, over all connections.
    """

    name: str
    is_connected: bool = False
    connection: int | None = None
    last_alive_ns: int | None = None
    clock: VenueClock = msgspec.field(default_factory=VenueClock)
    losses: int = 0
    gaps: int = 0


class BookView:
    """One order book and how far it can be trusted."""

    __slots__ = (
        "book",
        "crossed_ns",
        "crossed_since_ns",
        "cycles",
        "feed",
        "ignored_deltas",
        "instrument",
        "is_synced",
        "key",
        "lag_ns",
        "received_ns",
        "routes",
        "snapshots",
        "updates",
    )

    def __init__(self, instrument: Instrument, feed: FeedStatus) -> None:
        self.instrument = instrument
        self.key = instrument.key
        self.feed = feed
        self.book = Book()
        self.is_synced = False
        self.received_ns = 0
        self.lag_ns: int | None = None
        self.snapshots = 0
        self.updates = 0
        self.ignored_deltas = 0
        self.crossed_since_ns: int | None = None
        self.crossed_ns = 0
        self.routes: list[RouteView] = []
        self.cycles: list[CycleView] = []

    def note_crossing(self, now_ns: int) -> None:
        """Measure how long the book stays crossed; nothing is repaired."""
        if self.book.is_crossed:
            if self.crossed_since_ns is None:
                self.crossed_since_ns = now_ns
        elif self.crossed_since_ns is not None:
            self.crossed_ns += now_ns - self.crossed_since_ns
            self.crossed_since_ns = None


class PoolView:
    """One pool: its accounts by slot, and the market they make once all of them are known."""

    __slots__ = (
        "array_slots", "arrays", "feed", "is_synced", "key", "market", "oracle", "priority", "received_ns", "routes",
        "slot", "state", "updates",
    )  # fmt: skip

    def __init__(self, key: str, feed: FeedStatus) -> None:
        self.key = key
        self.feed = feed
        self.state: WhirlpoolState | None = None
        self.slot = -1
        self.received_ns = 0
        self.arrays: dict[int, TickArray] = {}
        self.array_slots: dict[int, int] = {}
        self.oracle: OracleState | None = None
        self.is_synced = False
        self.market: WhirlpoolMarket | None = None
        self.updates = 0
        self.priority: PriorityFees | None = None
        self.routes: list[RouteView] = []

    def forget(self) -> None:
        """Drop every account: what is not known fresh is not known."""
        self.state, self.slot, self.oracle, self.market = None, -1, None, None
        self.arrays, self.array_slots = {}, {}
        self.is_synced = False

    def assemble(self) -> None:
        """Make the market from the accounts held; it is synced when both directions have the arrays they need."""
        pool = self.state
        if pool is None:
            return
        held = self.arrays.keys()
        has_arrays = all(
            start in held for a_to_b in (True, False) for start in needed_array_starts(pool, a_to_b=a_to_b)
        )
        self.is_synced = has_arrays and (self.oracle is not None or not pool.is_adaptive_fee)
        self.market = WhirlpoolMarket(pool, dict(self.arrays), self.oracle) if self.is_synced else None
        for route in self.routes:
            route.reprice(self.market)


class ChainStatus(msgspec.Struct):
    """The chain as its node reports it; ``unix_timestamp`` is the chain's own second, ``lag_ns`` how late that came."""

    slot: int | None = None
    slot_received_ns: int | None = None
    unix_timestamp: int | None = None
    lag_ns: int | None = None


class Sample(msgspec.Struct, frozen=True, gc=False):
    """The edge of an episode at one moment. Units: base x 1e8, USD x 1e8, hundredths of a basis point."""

    sampled_ns: int
    size_e8: int
    gross_usd_e8: int
    net_usd_e8: int
    net_edge_centibps: int


class Episode(msgspec.Struct):
    """An open opportunity."""

    opportunity_id: str
    opened_ns: int
    opened_slot: int
    opening: TradePlan
    peak: TradePlan
    peaked_ns: int
    cex_age_ns: int | None
    pool_age_ns: int
    updates: int = 1
    samples: list[Sample] = msgspec.field(default_factory=list)
    stride: int = 1

    def sample(self, plan: TradePlan, now_ns: int) -> None:
        """Keep a sample of the edge; when there are too many, every second one goes and only every second comes."""
        if (self.updates - 1) % self.stride:
            return
        if len(self.samples) == MOST_SAMPLES:
            self.samples = self.samples[::2]
            self.stride *= 2
        self.samples.append(Sample(now_ns, plan.size_e8, plan.gross_usd_e8, plan.net_usd_e8, plan.net_edge_centibps))


class Tally(msgspec.Struct):
    """How often a reason refused a route in the running interval, its best gross edge and best priced candidate."""

    count: int = 0
    best_edge_centibps: int | None = None
    best_size_e8: int | None = None
    best_net_usd_e8: int | None = None


class Rates(msgspec.Struct, frozen=True, gc=False):
    """The proportional costs of a route with their sources, and from when until when they hold."""

    proportional: Proportional
    taker_source: str
    basis_source: str
    from_ns: int
    until_ns: int
    rebalancing: RebalancingTerms | None = None
    holdings_version: int = 0


class RouteView:
    """One route with its cached pool prices and rates, open episode and refusals of the running interval.

    ``basis`` and ``basis_book`` are what turns the pool's quote asset into the book's, and the book that prices it.
    """

    __slots__ = (
        "basis", "basis_book", "book", "episode", "is_halted", "pool", "pool_mid_e8", "pool_price_e8", "rates", "route",
        "tallies",
    )  # fmt: skip

    def __init__(self, route: Route, book: BookView, pool: PoolView) -> None:
        self.route = route
        self.book = book
        self.pool = pool
        self.basis: StableBasis | None = None
        self.basis_book: BookView | None = None
        self.episode: Episode | None = None
        self.is_halted = False
        self.tallies: dict[RejectionReason, Tally] = {}
        self.rates: Rates | None = None
        self.pool_price_e8: int | None = None
        self.pool_mid_e8: int | None = None

    def reprice(self, market: WhirlpoolMarket | None) -> None:
        """Cache the pool's marginal price before and after its fee; None without liquidity or without a market."""
        if market is None or market.pool.liquidity == 0:
            self.pool_price_e8 = self.pool_mid_e8 = None
            return
        self.pool_price_e8 = pool_price_after_fee(self.route, market)
        self.pool_mid_e8 = self.route.pool_value_e8(market.pool.sqrt_price_x64, E8, round_up=False)

    def refuse(self, reason: RejectionReason, edge_centibps: int | None, plan: TradePlan | None = None) -> None:
        """Count a refusal; ``plan`` is the candidate where one was priced."""
        tally = self.tallies.get(reason)
        if tally is None:
            tally = self.tallies[reason] = Tally()
        tally.count += 1
        if edge_centibps is not None and (tally.best_edge_centibps is None or edge_centibps > tally.best_edge_centibps):
            tally.best_edge_centibps = edge_centibps
        if plan is not None and (tally.best_net_usd_e8 is None or plan.net_usd_e8 > tally.best_net_usd_e8):
            tally.best_size_e8, tally.best_net_usd_e8 = plan.size_e8, plan.net_usd_e8


class OpenCycle(msgspec.Struct):
    """An open episode of a cycle."""

    opportunity_id: str
    opened_ns: int
    opening: CyclePlan
    peak: CyclePlan
    peaked_ns: int
    updates: int = 1


class CycleTally(msgspec.Struct):
    """How often a reason refused a cycle in the running interval, and the best net among those priced."""

    count: int = 0
    best_net_e8: int | None = None


class TemporaryLimit(msgspec.Struct, frozen=True, gc=False):
    """A limit that was changed for a time, and what it becomes again. ``value`` and ``before`` in its unit."""

    name: str
    value: int
    before: int
    expires_ns: int
    command_id: str
    actor: str = ""
    reason: str = ""


class ChangedLimit(msgspec.Struct, frozen=True, gc=False):
    """Who changed a limit for good, and why."""

    name: str
    command_id: str
    actor: str
    reason: str


class CycleView:
    """One triangular cycle with its three books, open episode and refusals of the running interval."""

    __slots__ = ("books", "cycle", "episode", "fees", "fees_until_ns", "is_halted", "settings", "tallies")

    def __init__(self, cycle: Cycle, books: tuple[BookView, BookView, BookView], settings: CycleSettings) -> None:
        self.cycle = cycle
        self.books = books
        self.settings = settings
        self.episode: OpenCycle | None = None
        self.is_halted = False
        self.tallies: dict[RejectionReason, CycleTally] = {}
        self.fees: CycleFees | None = None
        self.fees_until_ns = 0

    def refuse(self, reason: RejectionReason, plan: CyclePlan | None = None) -> None:
        """Count a refusal; ``plan`` is the turn where one was priced."""
        tally = self.tallies.get(reason)
        if tally is None:
            tally = self.tallies[reason] = CycleTally()
        tally.count += 1
        if plan is not None and (tally.best_net_e8 is None or plan.net_e8 > tally.best_net_e8):
            tally.best_net_e8 = plan.net_e8


class EngineState:
    """Everything that changes; built from settings, filled by events or by a keyframe."""

    def __init__(self, settings: EngineSettings) -> None:
        registry = Registry.of(settings.instruments, settings.pools)
        self.settings = settings
        self.feeds = {scope.name: FeedStatus(scope.name) for scope in settings.feeds}
        self.books: dict[str, BookView] = {}
        self.pools: dict[str, PoolView] = {}
        self.chains: dict[str, ChainStatus] = {}
        for scope in settings.feeds:
            feed = self.feeds[scope.name]
            self.books |= {key: BookView(registry.instruments[key], feed) for key in scope.instruments}
            self.pools |= {key: PoolView(key, feed) for key in scope.pools}
            self.chains[scope.name] = ChainStatus()
        self.routes: list[RouteView] = []
        for route in routes_of(registry, pegged={basis.asset for basis in settings.stable_bases}):
            self._add_route(route)
        self.cycles: list[CycleView] = []
        for wanted in settings.cycles:
            self._add_cycles(wanted)
        self.pending: list[PendingTrade] = []
        self.pending_cycles: list[PendingCycle] = []
        self.limits = limits = settings.limits
        self.temporary: list[TemporaryLimit] = []
        self.changed: dict[str, ChangedLimit] = {}
        self.halts: dict[str, HeldHalt] = {}
        self.risk = Risk(
            daily_loss_usd_e8=limits.daily_loss_usd_e8,
            resume_after_ns=limits.resume_after_ns,
            cooldown_ns=limits.cooldown_ns,
        )
        self.inventory = Inventory.of(settings.allocations) if settings.allocations else None
        self.rungs: dict[str, list[Rung]] = {}
        self.transfers = Transfers(in_flight=[])
        self.holdings_version = 0
        self.alerted_version = 0
        self.inventory_minute: int | None = None
        self.recommended: tuple[Recommendation, ...] = ()
        self.spending = Spending(before={}, now={})
        self.event_count = 0
        self.now_ns = 0
        self.hour: int | None = None
        self.late_ns = 0
        self.rejections_since_ns: int | None = None
        self.chain_digest = b""

    def _add_route(self, route: Route) -> None:
        book, pool = self.books.get(route.instrument.key), self.pools.get(route.pool.key)
        if book is None or pool is None:
            return
        view = RouteView(route, book, pool)
        self._set_basis(view)
        book.routes.append(view)
        pool.routes.append(view)
        self.routes.append(view)

    def _set_basis(self, view: RouteView) -> None:
        """Find what turns the pool's quote asset into the book's; none where they are one, or nothing is configured."""
        asset, against = view.route.pool.quote, view.route.instrument.quote
        found = (basis for basis in self.settings.stable_bases if (basis.asset, basis.against) == (asset, against))
        view.basis = next(found, None)
        if view.basis is not None and view.basis.instrument is not None:
            view.basis_book = self.books[view.basis.instrument]

    def _add_cycles(self, wanted: CycleSettings) -> None:
        listed = [view.instrument for view in self.books.values() if view.instrument.venue is wanted.venue]
        for cycle in cycles_of(listed, wanted.home):
            first, second, third = (self.books[step.instrument.key] for step in cycle.steps)
            view = CycleView(cycle, (first, second, third), wanted)
            self.cycles.append(view)
            for book in view.books:
                book.cycles.append(view)
