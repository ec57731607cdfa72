"""What the quotes of the Uniswap v3 family share: the order, its refusals, the walk to the limit, the result."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from streaming_worker.core.amm.concentrated_math import NumberFormat
from streaming_worker.core.amm.concentrated_walk import ConcentratedWalk
from streaming_worker.core.amm.swap import (
    StateT,
    SwapQuote,
    SwapRefusal,
    SwapRefusalReason,
    price_impact_bps_e2,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcentratedOrder:
    """One swap asked of a pool: ``limit`` is the square-root price not to pass, None for the widest."""

    amount: int
    exact_in: bool
    a_to_b: bool
    limit: int | None


def order_refusal(
    order: ConcentratedOrder, sqrt_price: int, lowest: int, highest: int, number_format: NumberFormat
) -> SwapRefusal | None:
    """Return why an order is refused: no amount, one beyond its type, or a limit that is not ahead of the price.

    ``lowest`` and ``highest`` are exclusive, as in the contracts.
    """
    if order.amount <= 0:
        return SwapRefusal(SwapRefusalReason.ZERO_AMOUNT, "nothing to swap")
    if order.amount > number_format.amount_max:
        return SwapRefusal(SwapRefusalReason.AMOUNT_TOO_LARGE, f"{order.amount} leaves its type")
    limit = order.limit
    if limit is None:
        return None
    if not lowest < limit < highest:
        return SwapRefusal(SwapRefusalReason.PRICE_LIMIT_OUT_OF_RANGE, f"price limit {limit} is no price of the pool")
    if limit >= sqrt_price if order.a_to_b else limit <= sqrt_price:
        detail = f"price limit {limit} is not ahead of price {sqrt_price}"
        return SwapRefusal(SwapRefusalReason.PRICE_LIMIT_WRONG_SIDE, detail)
    return None


def run_to_limit(
    walk: ConcentratedWalk,
    stops: Iterator[tuple[int, int | None]],
    price_of: Callable[[int], int],
    *,
    limit: int,
    fee_rate: int,
    a_to_b: bool,
) -> None:
    """Walk at one fee rate until the amount is used up or the limit is reached.

    Raises: MathRangeError where an amount or the liquidity leaves its type.
    """
    while walk.remaining and walk.sqrt_price != limit:
        tick_index, liquidity_net = next(stops)
        stop = price_of(tick_index)
        walk.step(max(stop, limit) if a_to_b else min(stop, limit), fee_rate)
        if walk.sqrt_price == stop:
            walk.arrive(tick_index, liquidity_net)


def unfilled_refusal(walk: ConcentratedWalk, order: ConcentratedOrder) -> SwapRefusal | None:
    """Return the refusal of an exact-out order that the whole pool cannot fill; its limit was not the caller's."""
    if order.exact_in or order.limit is not None or not walk.remaining:
        return None
    return SwapRefusal(SwapRefusalReason.PARTIAL_FILL, f"{walk.remaining} cannot be bought at any price")


def quote_from(
    walk: ConcentratedWalk, order: ConcentratedOrder, sqrt_price_before: int, price_bits: int, end_state: StateT
) -> SwapQuote[StateT]:
    """Return the completed walk as a quote; an order that stopped at its limit is filled in part."""
    used = order.amount - walk.remaining
    amount_in, amount_out = (used, walk.calculated) if order.exact_in else (walk.calculated, used)
    price, one = sqrt_price_before * sqrt_price_before, 1 << 2 * price_bits
    return SwapQuote(
        amount_in=amount_in,
        amount_out=amount_out,
        fee_amount=walk.fee,
        protocol_fee=walk.protocol_fee + walk.second_fee,
        ticks_crossed=walk.ticks_crossed,
        end_state=end_state,
        pool_amount_in=amount_in,
        pool_amount_out=amount_out,
        price_impact_bps_e2=price_impact_bps_e2(
            net_in=amount_in - walk.fee, out=amount_out, out_per_in=(price, one) if order.a_to_b else (one, price)
        ),
    )
