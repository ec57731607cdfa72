"""Vectors of whole Algebra V1 swaps, judged by the pool's own bytecode."""

from typing import Final

from streaming_worker.core.amm.algebra import AlgebraPool, quote_exact_in, quote_exact_out
from streaming_worker.core.amm.swap import SwapRefusal
from streaming_worker.service.vectors.rows import Differences, Row, RowContext, RowFormat, difference, differences
from streaming_worker.service.vectors.uniswap_v3 import ticks_of


def check(row: Row, _context: RowContext) -> Differences:
    """Quote the row's swap and compare amounts and the state after it."""
    amount, a_to_b = int(row["amount_required"]), row["zero_to_one"]
    quote_exact = quote_exact_in if amount > 0 else quote_exact_out
    quote = quote_exact(
        _pool(row),
        amount=abs(amount),
        a_to_b=a_to_b,
        sqrt_price_limit_x96=int(row["limit_sqrt_price"]),
        next_fee=row["next_fee"] if row["first_swap_in_block"] else None,
    )
    if isinstance(quote, SwapRefusal):
        return difference("pool_result", row["pool_result"], f"{quote.reason}: {quote.detail}")
    pool = quote.end_state
    amount0, amount1 = (quote.amount_in, -quote.amount_out) if a_to_b else (-quote.amount_out, quote.amount_in)
    received = {
        "amount0": amount0,
        "amount1": amount1,
        "price": pool.sqrt_price_x96,
        "tick": pool.tick,
        "fee": pool.fee,
        "liquidity": pool.liquidity,
        "total_fee_growth0": pool.total_fee_growth0_x128,
        "total_fee_growth1": pool.total_fee_growth1_x128,
    }
    return differences(row["pool_result"], received)


def _pool(row: Row) -> AlgebraPool:
    return AlgebraPool(
        address="",
        sqrt_price_x96=int(row["price"]),
        tick=row["tick"],
        fee=row["fee"],
        community_fee_token0=row["community_fee_token0"],
        community_fee_token1=row["community_fee_token1"],
        liquidity=int(row["liquidity"]),
        total_fee_growth0_x128=int(row["total_fee_growth0"]),
        total_fee_growth1_x128=int(row["total_fee_growth1"]),
        ticks=ticks_of(row["ticks"]),
    )


FORMAT: Final = RowFormat(
    name="algebra v1 swap", knows=lambda row: "pool_result" in row and "amount_required" in row, check=check
)
