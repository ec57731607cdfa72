"""Arithmetic that Uniswap v3 and its descendants share: amounts, next price and one swap step, exact.

The number of binary places of the square-root price and the greatest amount are parameters; tick tables are not
here, since each design has its own.
Source: Uniswap/v3-core contracts/libraries/SqrtPriceMath.sol and SwapMath.sol;
raydium-io/raydium-clmm programs/amm/src/libraries (sqrt_price_math.rs, liquidity_math.rs, swap_math.rs).
"""

from dataclasses import dataclass
from typing import Final

from streaming_worker.core.units import MILLIONTHS, ceil_div
from streaming_worker.errors import MathRangeError

U128_MAX: Final = 2**128 - 1
U256_MAX: Final = 2**256 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFormat:
    """How a design stores its numbers: binary places of price and fee growth, greatest amount, growth modulus."""

    price_bits: int
    growth_bits: int
    growth_mask: int
    amount_max: int


Q96_FORMAT: Final = NumberFormat(price_bits=96, growth_bits=128, growth_mask=U256_MAX, amount_max=2**255 - 1)
Q64_FORMAT: Final = NumberFormat(price_bits=64, growth_bits=64, growth_mask=U128_MAX, amount_max=2**64 - 1)


def amount0_delta(low: int, high: int, liquidity: int, *, price_bits: int, round_up: bool) -> int:
    """Return the token-0 amount between two ordered square-root prices.

    Units:  prices with ``price_bits`` binary places; result in token 0's smallest unit.
    Rounds: up when the pool receives, down when it pays: never for the trader.
    Source: SqrtPriceMath.sol, getAmount0Delta.
    """
    scaled = (liquidity * (high - low)) << price_bits
    return -(-scaled // (low * high)) if round_up else scaled // (low * high)


def amount1_delta(low: int, high: int, liquidity: int, *, price_bits: int, round_up: bool) -> int:
    """Return the token-1 amount between two ordered square-root prices.

    Units:  prices with ``price_bits`` binary places; result in token 1's smallest unit.
    Rounds: up when the pool receives, down when it pays: never for the trader.
    Source: SqrtPriceMath.sol, getAmount1Delta.
    """
    product = liquidity * (high - low)
    return -(-product >> price_bits) if round_up else product >> price_bits


def next_price_from_0(sqrt_price: int, liquidity: int, amount: int, *, price_bits: int, is_input: bool) -> int:
    """Return the price after ``amount`` of token 0 enters (or leaves) the pool.

    Where amount x price leaves 256 bits an input takes the contract's coarser formula.

    Rounds: up in both cases: never for the trader.
    Raises: MathRangeError when the liquidity cannot pay the amount.
    Source: SqrtPriceMath.sol, getNextSqrtPriceFromAmount0RoundingUp.
    """
    scaled = liquidity << price_bits
    product = amount * sqrt_price
    if is_input:
        if scaled + product <= U256_MAX:
            return ceil_div(scaled * sqrt_price, scaled + product)
        return ceil_div(scaled, scaled // sqrt_price + amount)
    if product > U256_MAX or scaled <= product:
        raise MathRangeError("liquidity cannot pay this amount of token 0")
    return ceil_div(scaled * sqrt_price, scaled - product)


def next_price_from_1(sqrt_price: int, liquidity: int, amount: int, *, price_bits: int, is_input: bool) -> int:
    """Return the price after ``amount`` of token 1 enters (or leaves) the pool.

    Rounds: down in both cases: never for the trader.
    Raises: MathRangeError when the liquidity cannot pay the amount.
    Source: SqrtPriceMath.sol, getNextSqrtPriceFromAmount1RoundingDown.
    """
    if is_input:
        return sqrt_price + (amount << price_bits) // liquidity
    quotient = ceil_div(amount << price_bits, liquidity)
    if quotient >= sqrt_price:
        raise MathRangeError("liquidity cannot pay this amount of token 1")
    return sqrt_price - quotient


def swap_step(
    price: int,
    target: int,
    liquidity: int,
    remaining: int,
    fee_rate: int,
    *,
    exact_in: bool,
    number_format: NumberFormat,
) -> tuple[int, int, int, int]:
    """Return (next price, amount in, amount out, fee) of one step towards a target price.

    Units:  ``remaining`` is input (exact in) or output (exact out); fee_rate in millionths of the input.
    Rounds: the input and the fee up, the output down; input too small to move the price becomes fee.
    Raises: MathRangeError where an amount leaves its type.
    Source: SwapMath.sol, computeSwapStep.
    """
    bits, is_down = number_format.price_bits, target <= price
    low, high = (target, price) if is_down else (price, target)
    left = remaining * (MILLIONTHS - fee_rate) // MILLIONTHS if exact_in else remaining
    fixes_0 = is_down == exact_in
    fixed_delta, other_delta = (amount0_delta, amount1_delta) if fixes_0 else (amount1_delta, amount0_delta)
    fixed = fixed_delta(low, high, liquidity, price_bits=bits, round_up=exact_in)
    reached = target
    if fixed > left:
        next_price = next_price_from_0 if fixes_0 else next_price_from_1
        reached = next_price(price, liquidity, left, price_bits=bits, is_input=exact_in)
        low, high = (reached, price) if is_down else (price, reached)
        if reached != target:
            fixed = fixed_delta(low, high, liquidity, price_bits=bits, round_up=exact_in)
    other = other_delta(low, high, liquidity, price_bits=bits, round_up=not exact_in)
    if other > number_format.amount_max:
        raise MathRangeError(f"a step's amount {other} leaves its type")
    if not exact_in:
        return reached, other, min(fixed, remaining), ceil_div(other * fee_rate, MILLIONTHS - fee_rate)
    fee = remaining - fixed if reached != target else ceil_div(fixed * fee_rate, MILLIONTHS - fee_rate)
    return reached, fixed, other, fee
