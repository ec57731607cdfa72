"""The whole price curve of a Whirlpool in one direction, precomputed once per pool update.

It answers in O(log n) what a size search asks: how much can be sold before the marginal price is worse than another
venue's, and what comes out. Amounts are the pool's side: transfer fees only make the trader's result worse.
"""

from bisect import bisect_left
from collections.abc import Iterator
from math import isqrt
from typing import Final, TypeAlias

import msgspec

from streaming_worker.core.amm.adaptive_fee import AdaptiveFee, fee_along
from streaming_worker.core.amm.pool_state import WhirlpoolMarket
from streaming_worker.core.amm.swap import SwapRefusal, SwapRefusalReason
from streaming_worker.core.amm.whirlpool_math import (
    U64_MAX,
    fitting_amount_a,
    fitting_amount_b,
    sqrt_price_from_tick,
)
from streaming_worker.core.amm.whirlpool_refusals import market_refusal, refusal_from
from streaming_worker.core.amm.whirlpool_swap import liquidity_after, swap_step
from streaming_worker.core.amm.whirlpool_ticks import stops
from streaming_worker.core.units import MILLIONTHS, ceil_div
from streaming_worker.errors import MathRangeError

_Q128: Final = 2**128

_Segment: TypeAlias = tuple[int, int, int]
"""(liquidity, fee rate, sqrt price at the end) of a stretch with one liquidity and one fee rate."""


class Curve(msgspec.Struct, frozen=True):
    """Input against output along the price, cut where liquidity or fee rate changes.

    Segment k runs from ``sqrt_prices_x64[k]`` to ``[k + 1]``, and from ``amounts_in[k]`` to ``[k + 1]`` of input
    (fee included). At the cuts the amounts are those that the program would compute, so that with a static fee, or
    with the chain clock given, the curve is the exact quote. ``worst_segments[k]`` is the segment up to k that ends at
    the worst marginal price: k itself, unless an adaptive fee falls on the way.
    """

    a_to_b: bool
    sqrt_prices_x64: tuple[int, ...]
    liquidities: tuple[int, ...]
    fee_rates: tuple[int, ...]
    amounts_in: tuple[int, ...]
    amounts_out: tuple[int, ...]
    worst_segments: tuple[int, ...]

    @property
    def greatest_amount_in(self) -> int:
        """The input that reaches the end of what was read (or of u64)."""
        return self.amounts_in[-1]

    def amount_out(self, amount_in: int) -> int | None:
        """Return what ``amount_in`` buys, or None beyond the end of the curve or of u64.

        Units:  smallest units, pool side.
        Rounds: down: never for the trader.
        """
        reached = self._reach(amount_in)
        if reached is None or reached[2] > U64_MAX:
            return None
        return reached[2]

    def price_after(self, amount_in: int) -> tuple[int, int] | None:
        """Return output per input after the pool fee once ``amount_in`` has been sold; None beyond the end.

        Units:  an exact fraction (numerator, denominator) of smallest units.
        """
        reached = self._reach(amount_in)
        if reached is None:
            return None
        segment, sqrt_price_x64, _ = reached
        return marginal_price(sqrt_price_x64, self.fee_rates[segment], a_to_b=self.a_to_b)

    def largest_amount_in(self, least_out: int, per_in: int) -> int:
        """Return the most that can be sold while each unit brings at least ``least_out / per_in``.

        The limit is the marginal price after the pool fee; where an adaptive fee makes the price better again
        further on, the first crossing counts. 0 when the first unit is already worse.

        Units:  smallest units of output per smallest unit of input; both positive.
        Rounds: down: at the result the price is not worse than asked, one unit further it is.
        """
        segment = bisect_left(
            range(len(self.liquidities)), True, key=lambda k: self._is_worse(self.worst_segments[k], least_out, per_in)
        )
        if segment == len(self.liquidities):
            return self.amounts_in[-1]
        start_x64, fee_rate = self.sqrt_prices_x64[segment], self.fee_rates[segment]
        limit_x64 = self._limit_price(least_out, per_in, fee_rate)
        is_worse_at_start = limit_x64 > start_x64 if self.a_to_b else limit_x64 < start_x64
        if is_worse_at_start or self.liquidities[segment] == 0:
            return self.amounts_in[segment]
        net_in = self._net_in_before(limit_x64, segment)
        amount_in = ((net_in + 1) * MILLIONTHS - 1) // (MILLIONTHS - fee_rate)
        return min(self.amounts_in[segment] + amount_in, self.amounts_in[segment + 1])

    def _net_in_before(self, limit_x64: int, segment: int) -> int:
        """Return the most input after fees that still leaves the price at ``limit_x64`` or better.

        The program rounds the price towards its start, so that it reaches the limit only with one step more.
        """
        start_x64, liquidity = self.sqrt_prices_x64[segment], self.liquidities[segment]
        if self.a_to_b:
            beyond = fitting_amount_a(limit_x64 - 1, start_x64, liquidity, round_up=True)
        else:
            beyond = fitting_amount_b(start_x64, limit_x64 + 1, liquidity, round_up=True)
        return U64_MAX if beyond is None else beyond - 1

    def _reach(self, amount_in: int) -> tuple[int, int, int] | None:
        """Return (segment, sqrt price, amount out) where ``amount_in`` ends; a cut belongs to what precedes it."""
        if not 0 <= amount_in <= self.amounts_in[-1]:
            return None
        segment = max(bisect_left(self.amounts_in, amount_in) - 1, 0)
        try:
            sqrt_price_x64, _, out, _ = swap_step(
                self.sqrt_prices_x64[segment],
                self.sqrt_prices_x64[segment + 1],
                self.liquidities[segment],
                amount_in - self.amounts_in[segment],
                self.fee_rates[segment],
                exact_in=True,
                a_to_b=self.a_to_b,
            )
        except MathRangeError:
            return None
        return segment, sqrt_price_x64, self.amounts_out[segment] + out

    def _is_worse(self, segment: int, least_out: int, per_in: int) -> bool:
        numerator, denominator = marginal_price(
            self.sqrt_prices_x64[segment + 1], self.fee_rates[segment], a_to_b=self.a_to_b
        )
        return numerator * per_in < least_out * denominator

    def _limit_price(self, least_out: int, per_in: int, fee_rate: int) -> int:
        """Return the last sqrt price at which the marginal price after ``fee_rate`` is not worse than asked."""
        kept = MILLIONTHS - fee_rate
        if self.a_to_b:
            return isqrt(ceil_div(least_out * _Q128 * MILLIONTHS, per_in * kept) - 1) + 1
        return isqrt(per_in * _Q128 * kept // (least_out * MILLIONTHS))


def build_curve(market: WhirlpoolMarket, *, a_to_b: bool, unix_timestamp: int | None = None) -> Curve | SwapRefusal:
    """Precompute the curve of one direction, as far as the program could trade with the arrays that were read.

    Without ``unix_timestamp`` an adaptive-fee pool is taken at its base fee: the curve is then an upper bound.

    Source: the exact walk of whirlpool_swap.py, for an unlimited amount.
    """
    refusal = market_refusal(market, a_to_b=a_to_b, unix_timestamp=unix_timestamp)
    if refusal is not None:
        return refusal
    try:
        fee = fee_along(market, a_to_b=a_to_b, unix_timestamp=unix_timestamp)
        curve = _accumulate(market.pool.sqrt_price_x64, _segments(market, fee, a_to_b=a_to_b), a_to_b=a_to_b)
    except MathRangeError as e:
        return refusal_from(e)
    if curve.amounts_out[-1] == 0:
        return SwapRefusal(SwapRefusalReason.ZERO_LIQUIDITY, "nothing can be bought within the tick arrays read")
    return curve


def _segments(market: WhirlpoolMarket, fee: AdaptiveFee | int, *, a_to_b: bool) -> Iterator[_Segment]:
    liquidity, price_x64 = market.pool.liquidity, market.pool.sqrt_price_x64
    for tick_index, liquidity_net in stops(market, a_to_b=a_to_b):
        stop_x64 = sqrt_price_from_tick(tick_index)
        if isinstance(fee, int):
            yield liquidity, fee, stop_x64
        else:
            yield from _group_segments(fee, price_x64, liquidity, tick_index, stop_x64)
        price_x64 = stop_x64
        if liquidity_net is not None:
            liquidity = liquidity_after(liquidity, liquidity_net, tick_index, a_to_b=a_to_b)


def _group_segments(
    fee: AdaptiveFee, price_x64: int, liquidity: int, tick_index: int, stop_x64: int
) -> Iterator[_Segment]:
    bound_x64 = None
    while bound_x64 != stop_x64:
        fee_rate = fee.rate()
        bound_x64, skips = fee.bounded(price_x64 if bound_x64 is None else bound_x64, stop_x64, liquidity)
        yield liquidity, fee_rate, bound_x64
        if skips:
            fee.advance_after_skip(bound_x64, stop_x64, tick_index)
        else:
            fee.advance()


def _accumulate(sqrt_price_x64: int, segments: Iterator[_Segment], *, a_to_b: bool) -> Curve:
    """Sum up the segments, the last of them being the one in which an amount leaves u64."""
    prices, amounts_in, amounts_out = [sqrt_price_x64], [0], [0]
    liquidities: list[int] = []
    fee_rates: list[int] = []
    worst: list[int] = []
    fitting_in, fitting_out = (fitting_amount_a, fitting_amount_b) if a_to_b else (fitting_amount_b, fitting_amount_a)
    for number, (liquidity, fee_rate, end_x64) in enumerate(segments):
        low, high = (end_x64, prices[-1]) if a_to_b else (prices[-1], end_x64)
        net_in = fitting_in(low, high, liquidity, round_up=True)
        out = fitting_out(low, high, liquidity, round_up=False)
        prices.append(end_x64)
        liquidities.append(liquidity)
        fee_rates.append(fee_rate)
        worst.append(worst[-1] if _fee_falls_below(prices, fee_rates, worst, a_to_b=a_to_b) else number)
        if net_in is None or out is None:
            amounts_in.append(U64_MAX)
            amounts_out.append(U64_MAX)
            break
        amounts_in.append(amounts_in[-1] + net_in + ceil_div(net_in * fee_rate, MILLIONTHS - fee_rate))
        amounts_out.append(amounts_out[-1] + out)
    return Curve(
        a_to_b, tuple(prices), tuple(liquidities), tuple(fee_rates), tuple(amounts_in), tuple(amounts_out), tuple(worst)
    )


def _fee_falls_below(prices: list[int], fee_rates: list[int], worst: list[int], *, a_to_b: bool) -> bool:
    """Whether the newest segment ends at a better marginal price than the worst before it: only a lower fee does."""
    if not worst or fee_rates[-1] >= fee_rates[worst[-1]]:
        return False
    earlier = marginal_price(prices[worst[-1] + 1], fee_rates[worst[-1]], a_to_b=a_to_b)
    newest = marginal_price(prices[-1], fee_rates[-1], a_to_b=a_to_b)
    return newest[0] * earlier[1] > earlier[0] * newest[1]


def marginal_price(sqrt_price_x64: int, fee_rate: int, *, a_to_b: bool) -> tuple[int, int]:
    """Return output per input after the pool fee at one price, as an exact fraction (numerator, denominator)."""
    price, kept = sqrt_price_x64 * sqrt_price_x64, MILLIONTHS - fee_rate
    return (price * kept, _Q128 * MILLIONTHS) if a_to_b else (_Q128 * kept, price * MILLIONTHS)
