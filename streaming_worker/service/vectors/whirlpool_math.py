"""Vectors of Whirlpool tick and token arithmetic: one function call a row, named by ``fn``."""

from collections.abc import Callable
from fractions import Fraction
from typing import Final

from streaming_worker.core.amm.pool_state import TransferFee
from streaming_worker.core.amm.transfer_fee import after_transfer_fee, before_transfer_fee
from streaming_worker.core.amm.whirlpool_math import (
    MAX_SQRT_PRICE_X64,
    MIN_SQRT_PRICE_X64,
    amount_a_delta,
    amount_b_delta,
    apply_swap_fee,
    greatest_amount_in,
    least_amount_out,
    next_sqrt_price_from_a,
    next_sqrt_price_from_b,
    reverse_apply_swap_fee,
    sqrt_price_from_tick,
    tick_array_start,
    tick_from_sqrt_price,
)
from streaming_worker.errors import MathRangeError
from streaming_worker.service.vectors.rows import Differences, Row, RowContext, RowFormat, difference, differences

_TOLERANCE: Final = Fraction(1, 10**12)
_PRICE_FUNCTIONS: Final = frozenset({"sqrt_price_to_price_float", "tick_to_price_float"})


def check(row: Row, _context: RowContext) -> Differences:
    """Call the row's function and compare its result, or that it fails."""
    name, call = row["fn"], _CALLS[row["fn"]]
    try:
        received: int | Fraction = call(row)
    except MathRangeError as e:
        return {} if "error" in row else difference(_result_field(row), row.get(_result_field(row)), f"error: {e}")
    if "error" in row:
        return difference("error", row["error"], str(received))
    if name in _PRICE_FUNCTIONS:
        return _price_difference(Fraction(row["value"]), Fraction(received))
    return differences({"result": int(row[_result_field(row)])}, {"result": received})


def _result_field(row: Row) -> str:
    return {"tick_to_sqrt_price": "sqrt_price", "sqrt_price_to_tick": "tick"}.get(row["fn"], "value")


def _price_difference(expected: Fraction, received: Fraction) -> Differences:
    """A price is a double in the vectors, so that it is compared with a relative tolerance of 1e-12."""
    if abs(received - expected) <= _TOLERANCE * abs(expected):
        return {}
    return difference("value", str(expected), str(received))


def _amount_a(row: Row) -> int:
    prices = int(row["sqrt_price_0"]), int(row["sqrt_price_1"])
    return amount_a_delta(*prices, int(row["liquidity"]), round_up=row["round_up"])


def _amount_b(row: Row) -> int:
    prices = int(row["sqrt_price_0"]), int(row["sqrt_price_1"])
    return amount_b_delta(*prices, int(row["liquidity"]), round_up=row["round_up"])


def _next_from_a(row: Row) -> int:
    return next_sqrt_price_from_a(
        int(row["sqrt_price"]), int(row["liquidity"]), int(row["amount"]), is_input=row["amount_is_input"]
    )


def _next_from_b(row: Row) -> int:
    """The SDK also refuses a price out of range; the program bounds the target instead."""
    price = next_sqrt_price_from_b(
        int(row["sqrt_price"]), int(row["liquidity"]), int(row["amount"]), is_input=row["amount_is_input"]
    )
    if not MIN_SQRT_PRICE_X64 <= price <= MAX_SQRT_PRICE_X64:
        raise MathRangeError(f"price {price} out of range")
    return price


def _transfer_fee(row: Row) -> TransferFee:
    return TransferFee(row["fee_bps"], int(row["max_fee"]))


def _price(sqrt_price_x64: int, row: Row) -> Fraction:
    """Return token B per token A in whole tokens."""
    raw = Fraction(sqrt_price_x64 * sqrt_price_x64, 2**128)
    return raw * Fraction(10 ** int(row["decimals_a"]), 10 ** int(row["decimals_b"]))


_CALLS: Final[dict[str, Callable[[Row], int | Fraction]]] = {
    "tick_to_sqrt_price": lambda row: sqrt_price_from_tick(row["tick"]),
    "sqrt_price_to_tick": lambda row: tick_from_sqrt_price(int(row["sqrt_price"])),
    "amount_delta_a": _amount_a,
    "amount_delta_b": _amount_b,
    "next_sqrt_price_from_a": _next_from_a,
    "next_sqrt_price_from_b": _next_from_b,
    "apply_swap_fee": lambda row: apply_swap_fee(int(row["amount"]), row["fee_rate"]),
    "reverse_apply_swap_fee": lambda row: reverse_apply_swap_fee(int(row["amount"]), row["fee_rate"]),
    "apply_transfer_fee": lambda row: after_transfer_fee(int(row["amount"]), _transfer_fee(row)),
    "reverse_apply_transfer_fee": lambda row: before_transfer_fee(int(row["amount"]), _transfer_fee(row)),
    "min_amount_with_slippage": lambda row: least_amount_out(int(row["amount"]), row["slippage_bps"]),
    "max_amount_with_slippage": lambda row: greatest_amount_in(int(row["amount"]), row["slippage_bps"]),
    "tick_array_start_index": lambda row: tick_array_start(row["tick"], row["tick_spacing"]),
    "sqrt_price_to_price_float": lambda row: _price(int(row["sqrt_price"]), row),
    "tick_to_price_float": lambda row: _price(sqrt_price_from_tick(row["tick"]), row),
}

FORMAT: Final = RowFormat(name="whirlpool math", knows=lambda row: row.get("fn") in _CALLS, check=check)
