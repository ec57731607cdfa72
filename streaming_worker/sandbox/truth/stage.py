"""The run as it arrives: events and Coinbase frames in order of arrival, with every injected cause really in them.

Nothing is marked: what reaches the reader is only what the venues and the worker's own queue would have shown it.
"""

import heapq
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from streaming_worker.core.amm.pool_state import TickArray, WhirlpoolState
from streaming_worker.core.amm.whirlpool import arrays_around, tick_from_sqrt_price
from streaming_worker.core.events import (
    BookDelta,
    BookSnapshot,
    ChainClock,
    ClockTick,
    Event,
    FeedConnected,
    FeedHeartbeat,
    Levels,
    PoolUpdate,
    PriorityFees,
    SlotAdvanced,
    TickArrayUpdate,
)
from streaming_worker.core.units import E8, MILLIONTHS, NANOS_PER_MILLISECOND, NANOS_PER_SECOND, TICK_NS
from streaming_worker.sandbox.market.genesis import MINT_SOL, MINT_USDC, POOL_ADDRESS, VAULT_SOL, VAULT_USDC
from streaming_worker.sandbox.market.pool_price import sqrt_price_at
from streaming_worker.sandbox.truth.coinbase_frames import CoinbaseFrames, Frame, changed
from streaming_worker.sandbox.truth.injections import COINBASE, GEMINI, Injection, Kind
from streaming_worker.sandbox.truth.prices import STEP_NS, Prices

Arrival: TypeAlias = Event | Frame
POOL: Final = f"orca:{POOL_ADDRESS}"
BOOKS: Final = {"gemini": "gemini:SOLUSD", "bitstamp": "bitstamp:solusd", "coinbase": "coinbase:SOL-USD"}
COIN: Final = "gemini:USDCUSD"
_TICKS_E8: Final = {"gemini": E8 // 1_000, "bitstamp": E8 // 1_000, "coinbase": E8 // 100}
_WAY_NS: Final = 20 * NANOS_PER_MILLISECOND
_LATE_NS: Final = 2_500 * NANOS_PER_MILLISECOND
_BUSY_NS: Final = 300 * NANOS_PER_MILLISECOND
_SLOT_NS: Final = 400 * NANOS_PER_MILLISECOND
_FEES_NS: Final = 5 * NANOS_PER_SECOND
_FIRST_SLOT: Final = 433_000_000
_LIQUIDITY: Final = 20_000_000_000_000
_LEVELS: Final = 5
_LEVEL_E8: Final = 20 * E8
_THIN_E8: Final = {"order": 50_000, "transaction": 120_000}


class Stage:
    """Plays a plan; iterate once."""

    def __init__(self, *, seed: int, start_ns: int, end_ns: int, plan: Sequence[Injection]) -> None:
        self._start_ns, self._end_ns, self._plan = start_ns, end_ns, plan
        self._prices = Prices(seed, start_ns, plan)
        self._frames = CoinbaseFrames(start_ns)
        self._shown: dict[str, tuple[Levels, Levels]] = {}
        self._arrays: set[int] = set()
        self._slot = _FIRST_SLOT
        self._pool_e8 = 0
        self._block_ns = 0

    def __iter__(self) -> Iterator[Arrival]:
        """Yield everything in order of arrival."""
        yield from self._opening(self._start_ns)
        for at_ns, what in heapq.merge(*self._clocks()):
            yield from self._act(what, at_ns)

    def _clocks(self) -> list[Iterator[tuple[int, str]]]:
        """Return when what happens: fixed rhythms, and the moments at which an injection begins and ends."""
        start, end = self._start_ns, self._end_ns
        rhythms = {
            "chain": (_SLOT_NS, 7), "fees": (_FEES_NS, 3), "beat": (NANOS_PER_SECOND, 11), "tick": (TICK_NS, 0),
            "gemini": (STEP_NS * 2, 13), "bitstamp": (STEP_NS * 3, 17), "coinbase": (STEP_NS, 19),
            "coin": (STEP_NS * 2, 23),
        }  # fmt: skip
        clocks: list[Iterator[tuple[int, str]]] = [
            _every(name, start + step + offset * NANOS_PER_MILLISECOND, end, step)
            for name, (step, offset) in rhythms.items()
        ]
        books = [one for one in self._plan if one.kind is not Kind.REVERTING_LEG]
        clocks.append(iter([(at, one.venue) for one in books for at in (one.from_ns, one.to_ns)]))
        clocks.append(iter([(one.from_ns, "chain") for one in self._plan if one.kind is Kind.REVERTING_LEG]))
        return clocks

    def _act(self, what: str, at_ns: int) -> Iterator[Arrival]:
        match what:
            case "tick":
                late = self._has(Kind.STALE_VIEW, at_ns, variant="worker")
                yield ClockTick(at_ns, _BUSY_NS if late else 0)
            case "chain":
                yield from self._chain(at_ns)
            case "fees":
                if not self._has(Kind.MISSING_COST, at_ns, variant="priority"):
                    yield PriorityFees(POOL, self._slot, (0, 10_000, 20_000, 40_000), at_ns)
            case "beat":
                yield from self._beat(at_ns)
            case "coin":
                yield from self._coin(at_ns)
            case _:
                yield from self._venue(what, at_ns)

    def _opening(self, at_ns: int) -> Iterator[Arrival]:
        for feed in ("gemini", "bitstamp", "solana"):
            yield FeedConnected(feed, 1, at_ns)
        yield PriorityFees(POOL, self._slot, (0, 10_000), at_ns)
        yield from self._chain(at_ns)
        yield from self._coin(at_ns)
        for venue in BOOKS:
            yield from self._venue(venue, at_ns)

    def _beat(self, at_ns: int) -> Iterator[Arrival]:
        """Every second each transport shows a sign of life, and the chain its clock; a silent one does not."""
        silent = self._silent(at_ns)
        for feed in ("gemini", "bitstamp"):
            if feed != silent:
                yield FeedHeartbeat(feed, at_ns - _WAY_NS, None, at_ns)
        if silent != COINBASE:
            yield self._frames.heartbeat(at_ns)
        if not self._has(Kind.DEAD_POOL, at_ns):
            yield ChainClock("solana", self._slot, at_ns // NANOS_PER_SECOND, at_ns)

    def _chain(self, at_ns: int) -> Iterator[Arrival]:
        """A slot and the pool after it; a dead node repeats the pool that it has, at the slot that it has."""
        if self._has(Kind.DEAD_POOL, at_ns):
            yield PoolUpdate(POOL, self._slot, _pool(self._pool_e8), at_ns)
            return
        if at_ns == self._block_ns:
            return
        self._block_ns = at_ns
        self._slot += 1
        yield SlotAdvanced("solana", self._slot, at_ns)
        self._pool_e8 = self._prices.pool_e8(at_ns) * (MILLIONTHS + self._pool_offset_e6(at_ns)) // MILLIONTHS
        state = _pool(self._pool_e8)
        for start in arrays_around(state):
            if start not in self._arrays:
                self._arrays.add(start)
                yield TickArrayUpdate(POOL, self._slot, TickArray(start, ()), at_ns)
        yield PoolUpdate(POOL, self._slot, state, at_ns)

    def _pool_offset_e6(self, at_ns: int) -> int:
        """A pool that reverts is away for one block of its own only: the next one brings it back."""
        away = (one for one in self._near(Kind.REVERTING_LEG, at_ns) if one.from_ns == at_ns)
        return sum((1 if one.is_up else -1) * one.size_e6 for one in away)

    def _coin(self, at_ns: int) -> Iterator[Arrival]:
        if self._silent(at_ns) == GEMINI:
            return
        mid = self._prices.coin_e8(at_ns)
        bids, asks = _ladder(mid - 2_000, -1_000, 50_000 * E8), _ladder(mid + 2_000, 1_000, 50_000 * E8)
        yield self._book(COIN, bids, asks, at_ns - _WAY_NS, at_ns)

    def _venue(self, venue: str, at_ns: int) -> Iterator[Arrival]:
        """A venue's book as it reaches us now: late, frozen, silent or as it is."""
        if self._silent(at_ns) == venue or self._is_frozen(venue, at_ns):
            return
        late = any(one.venue == venue for one in self._near(Kind.LATE_BOOK, at_ns) if _is_on(one, at_ns))
        made_ns = at_ns - _LATE_NS if late else at_ns
        bids, asks = self._sides(venue, made_ns)
        if venue != COINBASE:
            yield self._book(BOOKS[venue], bids, asks, made_ns - _WAY_NS, at_ns)
            return
        symbols = ("SOL-USD", "SOL-USDC") if self._has(Kind.ALIAS, at_ns) else ("SOL-USD",)
        for symbol in symbols:
            yield self._frames.book(symbol, bids, asks, sent_ns=made_ns - _WAY_NS, received_ns=at_ns)

    def _sides(self, venue: str, at_ns: int) -> tuple[Levels, Levels]:
        """Return the levels around the venue's price; of a thin book only the first level stands at the offset."""
        fair, tick = self._prices.fair_e8(at_ns), _TICKS_E8[venue]
        offset = self._prices.offset_e6(venue, at_ns)
        thin = [one for one in self._near(Kind.THIN_DEPTH, at_ns) if one.venue == venue and _holds(one, at_ns)]
        mid = fair * (MILLIONTHS + offset) // MILLIONTHS // tick * tick
        step = max(tick, mid // 10_000 // tick * tick)
        bids, asks = _ladder(mid - step, -step, _LEVEL_E8), _ladder(mid + step, step, _LEVEL_E8)
        if not thin:
            return bids, asks
        size, home = _THIN_E8[thin[0].variant], fair // tick * tick
        if thin[0].is_up:
            return [(bids[0][0], size), *_ladder(home - step, -step, _LEVEL_E8)], asks
        return bids, [(asks[0][0], size), *_ladder(home + step, step, _LEVEL_E8)]

    def _book(self, key: str, bids: Levels, asks: Levels, exchange_ns: int, at_ns: int) -> Event:
        before = self._shown.get(key)
        self._shown[key] = bids, asks
        if before is None:
            return BookSnapshot(key, bids, asks, exchange_ns, at_ns)
        return BookDelta(key, changed(before[0], bids), changed(before[1], asks), exchange_ns, at_ns)

    def _silent(self, at_ns: int) -> str | None:
        held = (one for one in self._near(Kind.STALE_VIEW, at_ns) if one.variant == "silence" and _is_on(one, at_ns))
        return next((one.venue for one in held), None)

    def _is_frozen(self, venue: str, at_ns: int) -> bool:
        """Behind its queue the worker still has an old book of one venue."""
        held = (one for one in self._near(Kind.STALE_VIEW, at_ns) if one.variant == "worker" and _is_on(one, at_ns))
        return any(one.venue == venue for one in held)

    def _has(self, kind: Kind, at_ns: int, *, variant: str | None = None) -> bool:
        return any(_is_on(one, at_ns) for one in self._near(kind, at_ns) if variant in (None, one.variant))

    def _near(self, kind: Kind, at_ns: int) -> list[Injection]:
        number = (at_ns - self._start_ns) // (30 * NANOS_PER_SECOND)
        return [one for one in self._plan[max(0, number - 2) : number + 1] if one.kind is kind]


def _is_on(one: Injection, at_ns: int) -> bool:
    return one.cause_ns <= at_ns < one.to_ns


def _holds(one: Injection, at_ns: int) -> bool:
    return one.from_ns <= at_ns < one.to_ns


def _every(name: str, first_ns: int, end_ns: int, step_ns: int) -> Iterator[tuple[int, str]]:
    for at_ns in range(first_ns, end_ns, step_ns):
        yield at_ns, name


def _ladder(best_e8: int, step_e8: int, size_e8: int) -> Levels:
    return [(best_e8 + step_e8 * number, size_e8) for number in range(_LEVELS)]


def _pool(price_e8: int) -> WhirlpoolState:
    sqrt_price = sqrt_price_at(price_e8)
    return WhirlpoolState(
        address=POOL_ADDRESS,
        tick_spacing=4,
        fee_tier_index=4,
        fee_rate=400,
        protocol_fee_rate=1_300,
        liquidity=_LIQUIDITY,
        sqrt_price_x64=sqrt_price,
        tick_current_index=tick_from_sqrt_price(sqrt_price),
        protocol_fee_owed_a=0,
        protocol_fee_owed_b=0,
        token_mint_a=MINT_SOL,
        token_vault_a=VAULT_SOL,
        fee_growth_global_a_x64=0,
        token_mint_b=MINT_USDC,
        token_vault_b=VAULT_USDC,
        fee_growth_global_b_x64=0,
    )
