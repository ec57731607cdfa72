"""Vectors of Uniswap v3: single functions, and whole swaps judged by the pool's own bytecode."""

from collections.abc import Callable
from typing import Any, Final

from streaming_worker.core.amm.concentrated_math import Q96_FORMAT, amount0_delta, amount1_delta, swap_step
from streaming_worker.core.amm.pool_state import Tick
from streaming_worker.core.amm.swap import SwapRefusal
from streaming_worker.core.amm.uniswap_v3 import UniswapV3Pool, quote_exact_in, quote_exact_out
from streaming_worker.core.amm.uniswap_v3_math import sqrt_price_from_tick, tick_from_sqrt_price
from streaming_worker.service.vectors.rows import Differences, Row, RowContext, RowFormat, difference, differences

_PRICE_BITS: Final = 96


def check_math(row: Row, _context: RowContext) -> Differences:
    """Call the row's function and compare what it gives."""
    expected, received = _CALLS[row["fn"]](row)
    return differences(expected, received)


def check_swap(row: Row, _context: RowContext) -> Differences:
    """Quote the row's swap and compare amounts and the state after it."""
    amount, a_to_b = int(row["amount_specified"]), row["zero_for_one"]
    quote_exact = quote_exact_in if amount > 0 else quote_exact_out
    quote = quote_exact(
        _pool(row), amount=abs(amount), a_to_b=a_to_b, sqrt_price_limit_x96=int(row["sqrt_price_limit_x96"])
    )
    if isinstance(quote, SwapRefusal):
        return difference("pool_result", row["pool_result"], f"{quote.reason}: {quote.detail}")
    pool = quote.end_state
    amount0, amount1 = (quote.amount_in, -quote.amount_out) if a_to_b else (-quote.amount_out, quote.amount_in)
    received = {
        "amount0": amount0,
        "amount1": amount1,
        "sqrt_price_x96": pool.sqrt_price_x96,
        "tick": pool.tick,
        "liquidity": pool.liquidity,
        "fee_growth_global0_x128": pool.fee_growth_global0_x128,
        "fee_growth_global1_x128": pool.fee_growth_global1_x128,
        "protocol_fees0": pool.protocol_fees0,
        "protocol_fees1": pool.protocol_fees1,
    }
    return differences(row["pool_result"], received)


def ticks_of(rows: list[dict[str, Any]]) -> tuple[Tick, ...]:
    """Return initialised ticks in ascending order."""
    ticks = (Tick(tick["tick"], int(tick["net"]), int(tick["gross"])) for tick in rows)
    return tuple(sorted(ticks, key=lambda tick: tick.tick_index))


def _pool(row: Row) -> UniswapV3Pool:
    return UniswapV3Pool(
        address="",
        fee=row["fee"],
        tick_spacing=row["tick_spacing"],
        sqrt_price_x96=int(row["sqrt_price_x96"]),
        tick=row["tick"],
        liquidity=int(row["liquidity"]),
        fee_protocol=row["fee_protocol"],
        fee_growth_global0_x128=int(row["fee_growth_global0_x128"]),
        fee_growth_global1_x128=int(row["fee_growth_global1_x128"]),
        protocol_fees0=0,
        protocol_fees1=0,
        ticks=ticks_of(row["ticks"]),
    )


def _tick_price(row: Row) -> tuple[Row, Row]:
    return {"sqrt_ratio_x96": row["sqrt_ratio_x96"]}, {"sqrt_ratio_x96": sqrt_price_from_tick(row["tick"])}


def _price_tick(row: Row) -> tuple[Row, Row]:
    return {"tick": row["tick"]}, {"tick": tick_from_sqrt_price(int(row["sqrt_ratio_x96"]))}


def _delta(row: Row) -> tuple[Row, Row]:
    low, high = sorted((int(row["sqrt_ratio_a_x96"]), int(row["sqrt_ratio_b_x96"])))
    delta = amount0_delta if row["fn"] == "amount0_delta" else amount1_delta
    amount = delta(low, high, int(row["liquidity"]), price_bits=_PRICE_BITS, round_up=row["round_up"])
    return {"amount": row["amount"]}, {"amount": amount}


def _step(row: Row) -> tuple[Row, Row]:
    remaining = int(row["amount_remaining"])
    reached, amount_in, amount_out, fee = swap_step(
        int(row["sqrt_ratio_current_x96"]),
        int(row["sqrt_ratio_target_x96"]),
        int(row["liquidity"]),
        abs(remaining),
        row["fee_pips"],
        exact_in=remaining >= 0,
        number_format=Q96_FORMAT,
    )
    received = {
        "sqrt_ratio_next_x96": reached,
        "amount_in": amount_in,
        "amount_out": amount_out,
        "fee_amount": fee,
    }
    return row["result"], received


_CALLS: Final[dict[str, Callable[[Row], tuple[Row, Row]]]] = {
    "sqrt_ratio_at_tick": _tick_price,
    "tick_at_sqrt_ratio": _price_tick,
    "amount0_delta": _delta,
    "amount1_delta": _delta,
    "compute_swap_step": _step,
}

MATH_FORMAT: Final = RowFormat(name="uniswap v3 math", knows=lambda row: row.get("fn") in _CALLS, check=check_math)
SWAP_FORMAT: Final = RowFormat(
    name="uniswap v3 swap", knows=lambda row: "pool_result" in row and "amount_specified" in row, check=check_swap
)
