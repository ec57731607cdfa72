"""Vectors of whole Whirlpool swaps, judged by what the program did; the SDK's view is not compared.

A row holds its own pool, or names a state that an earlier row of the file described.
"""

from typing import Any, Final

from streaming_worker.core.amm.pool_state import (
    AdaptiveFeeConstants,
    AdaptiveFeeVariables,
    OracleState,
    Tick,
    TickArray,
    TransferFee,
    WhirlpoolMarket,
    WhirlpoolState,
)
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason
from streaming_worker.core.amm.whirlpool import quote_exact_in, quote_exact_out, tick_from_sqrt_price
from streaming_worker.service.vectors.rows import Differences, Row, RowContext, RowFormat, difference, differences

_OVERFLOWS: Final = frozenset({6006, 6007, 6008, 6017, 6018, 6030, 6031, 6033, 6039, 6040})
"""Program errors that need not be told apart: some product or amount left its type."""

_NO_ADDRESS: Final = ""


def market_of(row: Row) -> WhirlpoolMarket:
    """Return the market that a row describes."""
    oracle = row.get("oracle")
    return WhirlpoolMarket(
        pool=_pool(row["pool"]),
        arrays={array["start"]: _tick_array(array) for array in row["tick_arrays"]},
        oracle=None if oracle is None else _oracle(oracle),
        transfer_fee_a=_transfer_fee(row.get("transfer_fee_a")),
        transfer_fee_b=_transfer_fee(row.get("transfer_fee_b")),
    )


def check_state(row: Row, context: RowContext) -> Differences:
    """Keep a named state for later rows; its tick must be that of its price, or one below a price on a tick."""
    market = market_of(row)
    context.markets[row["state"]] = market
    tick = tick_from_sqrt_price(market.pool.sqrt_price_x64)
    if market.pool.tick_current_index in (tick, tick - 1):
        return {}
    return difference("tick_current_index", tick, market.pool.tick_current_index)


def check_swap(row: Row, context: RowContext) -> Differences:
    """Quote the row's swap and compare amounts, fees and the state after it, or that it fails and why."""
    market = context.markets.get(row["state"]) if "state" in row else market_of(row)
    if market is None:
        return difference("state", "a state described by an earlier row", row["state"])
    quote_exact = quote_exact_in if row["exact_in"] else quote_exact_out
    quote = quote_exact(
        market,
        amount=int(row["amount"]),
        a_to_b=row["a_to_b"],
        unix_timestamp=row.get("timestamp", 0),
        sqrt_price_limit_x64=int(row["sqrt_price_limit"]) or None,
    )
    expected = row["program"]
    if isinstance(quote, SwapRefusal):
        return _refusal_differences(expected, quote)
    if "error" in expected:
        return difference("error", expected["error"], f"{quote.amount_in} for {quote.amount_out}")
    return differences(expected, _outcome(quote, with_oracle="next_oracle_variables" in expected))


def _refusal_differences(expected: Row, refusal: SwapRefusal) -> Differences:
    if "error" not in expected:
        return difference("amount_out", expected["amount_out"], f"{refusal.reason}: {refusal.detail}")
    code = refusal.program_code
    is_overflow = refusal.reason is SwapRefusalReason.MATH_OVERFLOW and expected["code"] in _OVERFLOWS
    if code == expected["code"] or is_overflow:
        return {}
    return difference("code", expected["code"], code)


def _outcome(quote: SwapQuote[WhirlpoolMarket], *, with_oracle: bool) -> dict[str, Any]:
    pool, oracle = quote.end_state.pool, quote.end_state.oracle
    outcome: dict[str, Any] = {
        "amount_in": quote.amount_in,
        "amount_out": quote.amount_out,
        "vault_in": quote.pool_amount_in,
        "vault_out": quote.pool_amount_out,
        "next_liquidity": pool.liquidity,
        "next_sqrt_price": pool.sqrt_price_x64,
        "next_tick_current_index": pool.tick_current_index,
        "next_fee_growth_global_a": pool.fee_growth_global_a_x64,
        "next_fee_growth_global_b": pool.fee_growth_global_b_x64,
        "lp_fee": quote.fee_amount - quote.protocol_fee,
        "protocol_fee": quote.protocol_fee,
    }
    if with_oracle and oracle is not None:
        variables = oracle.variables
        outcome["next_oracle_variables"] = {name: getattr(variables, name) for name in variables.__struct_fields__}
    return outcome


def _pool(row: Row) -> WhirlpoolState:
    return WhirlpoolState(
        address=_NO_ADDRESS,
        tick_spacing=row["tick_spacing"],
        fee_tier_index=row["fee_tier_index"],
        fee_rate=row["fee_rate"],
        protocol_fee_rate=row["protocol_fee_rate"],
        liquidity=int(row["liquidity"]),
        sqrt_price_x64=int(row["sqrt_price"]),
        tick_current_index=row["tick_current_index"],
        protocol_fee_owed_a=0,
        protocol_fee_owed_b=0,
        token_mint_a=_NO_ADDRESS,
        token_vault_a=_NO_ADDRESS,
        fee_growth_global_a_x64=int(row["fee_growth_global_a"]),
        token_mint_b=_NO_ADDRESS,
        token_vault_b=_NO_ADDRESS,
        fee_growth_global_b_x64=int(row["fee_growth_global_b"]),
    )


def _tick_array(row: Row) -> TickArray:
    ticks = tuple(Tick(tick["tick"], int(tick["net"]), int(tick["gross"])) for tick in row["ticks"])
    return TickArray(row["start"], ticks)


def _oracle(row: Row) -> OracleState:
    constants = AdaptiveFeeConstants(**{name: int(value) for name, value in row["constants"].items()})
    variables = AdaptiveFeeVariables(**{name: int(value) for name, value in row["variables"].items()})
    return OracleState(_NO_ADDRESS, int(row["trade_enable_timestamp"]), constants, variables)


def _transfer_fee(row: Row | None) -> TransferFee | None:
    return None if row is None else TransferFee(row["bps"], int(row["max"]))


STATE_FORMAT: Final = RowFormat(
    name="whirlpool state",
    knows=lambda row: row.get("kind") == "state" and "tick_arrays" in row,
    check=check_state,
)
SWAP_FORMAT: Final = RowFormat(
    name="whirlpool swap", knows=lambda row: "program" in row and "a_to_b" in row, check=check_swap
)
