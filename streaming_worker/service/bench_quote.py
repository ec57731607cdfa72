"""How long exact quotes and curve refreshes take, on a real pool state out of the vectors.

Medians over many calls of the same swap: what a warm worker pays. The cold cost of tick prices is shown apart.
"""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeAlias

from streaming_worker.adapters.clock import AnchoredClock, Clock
from streaming_worker.core.amm.curve import Curve, build_curve, marginal_price
from streaming_worker.core.amm.pool_state import WhirlpoolMarket
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal
from streaming_worker.core.amm.whirlpool import quote_exact_in, tick_from_sqrt_price
from streaming_worker.core.amm.whirlpool_math import U64_MAX, unchecked_sqrt_price
from streaming_worker.core.amm.whirlpool_swap import swap_step
from streaming_worker.errors import ConfigError
from streaming_worker.service.vectors.whirlpool_swap import market_of

Report: TypeAlias = dict[str, Any]

STATE_FILE: Final = Path("vectors", "whirlpool_swap_real.jsonl.gz")
TICKS_CROSSED: Final = (0, 3, 30)
AIMS_US: Final = {0: 25, 3: 60, 30: 400}
_CALLS: Final = 301
_NANOS_PER_MICROSECOND: Final = 1_000
_ANY_TIME: Final = 0


def run_bench_quote(shared: Path, *, clock: Clock | None = None) -> Report:
    """Time quotes that cross 0, 3 and 30 ticks in both directions, the refresh of the curve, and their parts.

    Units:  medians in microseconds; ``calls`` is how many were timed for each.
    Raises: ConfigError when ``shared`` holds no real pool state.
    """
    clock = AnchoredClock() if clock is None else clock
    market = _market(shared / STATE_FILE)
    curves = [_curve(market, a_to_b, clock) for a_to_b in (True, False)]
    return {
        "state": str(STATE_FILE),
        "calls": _CALLS,
        "quotes": [_quote(market, crossed, a_to_b, clock) for a_to_b in (True, False) for crossed in TICKS_CROSSED],
        "curves": curves,
        "parts_us": _parts(market, clock),
    }


def _quote(market: WhirlpoolMarket, crossed: int, a_to_b: bool, clock: Clock) -> Report:
    amount = _amount_crossing(market, crossed, a_to_b=a_to_b)
    return {
        "a_to_b": a_to_b,
        "ticks_crossed": crossed,
        "amount_in": str(amount),
        "median_us": _median_us(lambda: _sell(market, amount, a_to_b=a_to_b), clock),
        "aim_us": AIMS_US[crossed],
    }


def _curve(market: WhirlpoolMarket, a_to_b: bool, clock: Clock) -> Report:
    curve = build_curve(market, a_to_b=a_to_b)
    if not isinstance(curve, Curve):
        raise ConfigError(f"the real pool state gives no curve: {curve.reason}")
    middle = curve.greatest_amount_in // 2
    half = len(curve.liquidities) // 2
    price = marginal_price(curve.sqrt_prices_x64[half], curve.fee_rates[half], a_to_b=a_to_b)
    return {
        "a_to_b": a_to_b,
        "segments": len(curve.liquidities),
        "refresh_us": _median_us(lambda: build_curve(market, a_to_b=a_to_b), clock),
        "largest_amount_in_us": _median_us(lambda: curve.largest_amount_in(*price), clock),
        "amount_out_us": _median_us(lambda: curve.amount_out(middle), clock),
    }


def _parts(market: WhirlpoolMarket, clock: Clock) -> Report:
    """Time what a quote is made of: a step, a tick price from the table and computed, the last tick from the price."""
    pool = market.pool
    tick = pool.tick_current_index
    target = unchecked_sqrt_price(tick)
    compute = unchecked_sqrt_price.__wrapped__
    return {
        "swap_step": _median_us(
            lambda: swap_step(
                pool.sqrt_price_x64, target, pool.liquidity, U64_MAX, pool.fee_rate, exact_in=True, a_to_b=True
            ),
            clock,
        ),
        "tick_price_cached": _median_us(lambda: unchecked_sqrt_price(tick), clock),
        "tick_price_computed": _median_us(lambda: compute(tick), clock),
        "tick_from_price": _median_us(lambda: tick_from_sqrt_price(pool.sqrt_price_x64), clock),
    }


def _amount_crossing(market: WhirlpoolMarket, crossed: int, *, a_to_b: bool) -> int:
    """Return half-way between the least amounts that cross ``crossed`` ticks and one more, found by bisection."""
    least, next_least = (_least_crossing(market, ticks, a_to_b=a_to_b) for ticks in (crossed, crossed + 1))
    return (least + next_least) // 2


def _least_crossing(market: WhirlpoolMarket, ticks: int, *, a_to_b: bool) -> int:
    low, high = 1, U64_MAX
    while low < high:
        middle = (low + high) // 2
        quote = _sell(market, middle, a_to_b=a_to_b)
        if isinstance(quote, SwapRefusal) or quote.ticks_crossed >= ticks:
            high = middle
        else:
            low = middle + 1
    return low


def _sell(market: WhirlpoolMarket, amount: int, *, a_to_b: bool) -> SwapQuote[WhirlpoolMarket] | SwapRefusal:
    return quote_exact_in(market, amount=amount, a_to_b=a_to_b, unix_timestamp=_ANY_TIME)


def _median_us(call: Callable[[], object], clock: Clock) -> float:
    durations = []
    for _ in range(_CALLS):
        started_ns = clock.monotonic_ns()
        call()
        durations.append(clock.monotonic_ns() - started_ns)
    return round(median(durations) / _NANOS_PER_MICROSECOND, 1)


def _market(path: Path) -> WhirlpoolMarket:
    try:
        with gzip.open(path) as lines:
            row = json.loads(next(lines))
    except (OSError, EOFError, StopIteration, ValueError) as e:
        raise ConfigError(f"expected a real pool state in {path.name} under {path.parent.name}: {e!r}") from e
    return market_of(row)
