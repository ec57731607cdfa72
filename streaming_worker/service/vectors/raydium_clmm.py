"""Vectors of Raydium CLMM: tick arithmetic, and swaps as far as the listed tick arrays reach."""

from typing import Any, Final

from streaming_worker.core.amm.concentrated_quote import ConcentratedOrder
from streaming_worker.core.amm.raydium_clmm import walk_market
from streaming_worker.core.amm.raydium_clmm_math import sqrt_price_from_tick, tick_from_sqrt_price
from streaming_worker.core.amm.raydium_state import (
    DynamicFee,
    RaydiumClmmConfig,
    RaydiumClmmMarket,
    RaydiumClmmPool,
    RaydiumTick,
    RaydiumTickArray,
)
from streaming_worker.errors import MathRangeError
from streaming_worker.service.vectors.rows import Differences, Row, RowContext, RowFormat, difference, differences

_KINDS: Final = frozenset({"tick", "sqrt_price", "swap"})


def check(row: Row, _context: RowContext) -> Differences:
    """Check one row by its kind."""
    if row["kind"] == "tick":
        return differences(
            {"sqrt_price_x64": row["sqrt_price_x64"]}, {"sqrt_price_x64": sqrt_price_from_tick(row["tick"])}
        )
    if row["kind"] == "sqrt_price":
        return differences({"tick": row["tick"]}, {"tick": tick_from_sqrt_price(int(row["sqrt_price_x64"]))})
    return _check_swap(row)


def _check_swap(row: Row) -> Differences:
    """Compare the walk itself: the vectors say how far a swap came where the arrays ran out."""
    order = ConcentratedOrder(
        amount=int(row["amount"]), exact_in=row["is_base_input"], a_to_b=row["zero_for_one"], limit=None
    )
    expected = row["result"]
    try:
        walk, pool, refusal = walk_market(_market(row), order, row["timestamp"])
    except MathRangeError as e:
        return {} if "error" in expected else difference("result", expected, f"error: {e}")
    received: dict[str, Any] = {
        "all_trade": refusal is None,
        "amount_remaining": walk.remaining,
        "amount_calculated": walk.calculated,
        "fee_amount": walk.fee,
        "sqrt_price_x64": pool.sqrt_price_x64,
        "liquidity": pool.liquidity,
        "tick_current": pool.tick_current,
    }
    return differences(expected, received)


def _market(row: Row) -> RaydiumClmmMarket:
    pool, config, fee = row["pool"], row["config"], row["pool"]["dynamic_fee_info"]
    arrays = {array["start"]: _tick_array(array) for array in row["tick_arrays"]}
    starts = tuple(sorted(arrays))
    return RaydiumClmmMarket(
        pool=RaydiumClmmPool(
            address="",
            amm_config="",
            token_mint_0="",
            token_mint_1="",
            token_vault_0="",
            token_vault_1="",
            mint_decimals_0=0,
            mint_decimals_1=0,
            tick_spacing=pool["tick_spacing"],
            liquidity=int(pool["liquidity"]),
            sqrt_price_x64=int(pool["sqrt_price_x64"]),
            tick_current=pool["tick_current"],
            fee_growth_global_0_x64=0,
            fee_growth_global_1_x64=0,
            protocol_fees_token_0=0,
            protocol_fees_token_1=0,
            fund_fees_token_0=0,
            fund_fees_token_1=0,
            is_swap_enabled=True,
            fee_on=pool["fee_on"],
            open_time=0,
            initialized_starts=starts,
            dynamic_fee=None if fee is None else DynamicFee(**{name: int(value) for name, value in fee.items()}),
        ),
        config=RaydiumClmmConfig(
            protocol_fee_rate=config["protocol_fee_rate"],
            trade_fee_rate=config["trade_fee_rate"],
            tick_spacing=pool["tick_spacing"],
            fund_fee_rate=config["fund_fee_rate"],
        ),
        initialized_starts=starts,
        arrays=arrays,
    )


def _tick_array(row: Row) -> RaydiumTickArray:
    ticks = tuple(RaydiumTick(tick["tick"], int(tick["net"]), int(tick["gross"])) for tick in row["ticks"])
    return RaydiumTickArray(row["start"], ticks)


FORMAT: Final = RowFormat(
    name="raydium clmm",
    knows=lambda row: row.get("kind") in _KINDS and ("sqrt_price_x64" in row or "is_base_input" in row),
    check=check,
)
