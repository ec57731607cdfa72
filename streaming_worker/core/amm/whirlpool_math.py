"""Whirlpool tick and token arithmetic: pure functions on raw integers, rounded as the program rounds.

Every function equals the on-chain program bit for bit; nothing here knows about pools or tick arrays.
Source: orca-so/whirlpools programs/whirlpool/src/math (tick_math.rs, token_math.rs, swap_math.rs).
"""

from functools import lru_cache
from typing import Final

from streaming_worker.core.amm.tick_log import tick_candidates
from streaming_worker.core.units import BPS, MILLIONTHS, ceil_div
from streaming_worker.errors import MathRangeError

Q64: Final = 2**64
U64_MAX: Final = 2**64 - 1
U128_MAX: Final = 2**128 - 1
U192_LIMIT: Final = 2**192

MIN_TICK: Final = -443_636
MAX_TICK: Final = 443_636
MIN_SQRT_PRICE_X64: Final = 4_295_048_016
MAX_SQRT_PRICE_X64: Final = 79_226_673_515_401_279_992_447_579_055
TICKS_PER_ARRAY: Final = 88

# Program error numbers (programs/whirlpool/src/errors.rs) of the overflows that arise here.
DIVIDE_BY_ZERO: Final = 6006
SQRT_PRICE_OUT_OF_BOUNDS: Final = 6011
TOKEN_MAX_EXCEEDED: Final = 6017
TOKEN_MIN_SUBCEEDED: Final = 6018
SHIFT_RIGHT_OVERFLOW: Final = 6030
MULTIPLICATION_OVERFLOW: Final = 6033

# sqrt(1.0001) ** (2 ** bit): Q32.96 upwards, Q0.64 downwards. The two tables are not reciprocals of each other.
_UP_X96: Final = (
    79232123823359799118286999567,
    79236085330515764027303304731,
    79244008939048815603706035061,
    79259858533276714757314932305,
    79291567232598584799939703904,
    79355022692464371645785046466,
    79482085999252804386437311141,
    79736823300114093921829183326,
    80248749790819932309965073892,
    81282483887344747381513967011,
    83390072131320151908154831281,
    87770609709833776024991924138,
    97234110755111693312479820773,
    119332217159966728226237229890,
    179736315981702064433883588727,
    407748233172238350107850275304,
    2098478828474011932436660412517,
    55581415166113811149459800483533,
    38992368544603139932233054999993551,
)
_DOWN_X64: Final = (
    18445821805675392311,
    18444899583751176498,
    18443055278223354162,
    18439367220385604838,
    18431993317065449817,
    18417254355718160513,
    18387811781193591352,
    18329067761203520168,
    18212142134806087854,
    17980523815641551639,
    17526086738831147013,
    16651378430235024244,
    15030750278693429944,
    12247334978882834399,
    8131365268884726200,
    3584323654723342297,
    696457651847595233,
    26294789957452057,
    37481735321082,
)

_LOG_SQUARINGS: Final = 14


def sqrt_price_from_tick(tick_index: int) -> int:
    """Return the square-root price of a tick.

    Units:  Q64.64.
    Rounds: down, once per set bit of the tick, as the program does; hence the order of factors matters.
    Raises: MathRangeError outside +-443636.
    Source: tick_math.rs, sqrt_price_from_tick_index.
    """
    if not MIN_TICK <= tick_index <= MAX_TICK:
        raise MathRangeError(f"expected a tick within +-{MAX_TICK}, received {tick_index}")
    return unchecked_sqrt_price(tick_index)


@lru_cache(maxsize=1 << 16)
def unchecked_sqrt_price(tick_index: int) -> int:
    """Return what the program computes for any tick: outside +-443636 only the low 19 bits count.

    The adaptive fee asks for such ticks where its core range lies outside the price range, and acts on the answer.

    Raises: MathRangeError where the program's u128 overflows.
    Source: tick_math.rs, get_sqrt_price_positive_tick and get_sqrt_price_negative_tick.
    """
    if tick_index < 0:
        ratio = Q64
        for bit, factor in enumerate(_DOWN_X64):
            if -tick_index >> bit & 1:
                ratio = ratio * factor >> 64
        return ratio
    ratio = 1 << 96
    for bit, factor in enumerate(_UP_X96):
        if tick_index >> bit & 1:
            ratio = ratio * factor >> 96
    if ratio > U128_MAX:
        raise MathRangeError(f"the price of tick {tick_index} exceeds u128")
    return ratio >> 32


def tick_from_sqrt_price(sqrt_price_x64: int) -> int:
    """Return the greatest tick whose price is not above ``sqrt_price_x64``.

    Units:  Q64.64.
    Rounds: down (towards minus infinity).
    Raises: MathRangeError outside the program's price range.
    Source: tick_math.rs, tick_index_from_sqrt_price.
    """
    if not MIN_SQRT_PRICE_X64 <= sqrt_price_x64 <= MAX_SQRT_PRICE_X64:
        raise MathRangeError(f"expected a sqrt price within the program's range, received {sqrt_price_x64}")
    low, high = tick_candidates(sqrt_price_x64, fraction_bits=64, squarings=_LOG_SQUARINGS)
    return high if low == high or sqrt_price_from_tick(high) <= sqrt_price_x64 else low


def tick_array_start(tick_index: int, tick_spacing: int) -> int:
    """Return the start index of the tick array that holds ``tick_index`` (floor, also below zero)."""
    ticks_in_array = TICKS_PER_ARRAY * tick_spacing
    return tick_index // ticks_in_array * ticks_in_array


def fitting_amount_a(low_x64: int, high_x64: int, liquidity: int, *, round_up: bool) -> int | None:
    """Return the token-A amount between two ordered prices, or None when it exceeds u64.

    Units:  sqrt prices are Q64.64; liquidity is the raw u128; result in token A's smallest unit.
    Rounds: up when the pool receives, down when it pays: never for the trader.
    Raises: MathRangeError when the program's 256-bit product overflows.
    Source: token_math.rs, try_get_amount_delta_a.
    """
    product = liquidity * (high_x64 - low_x64)
    if product >= U192_LIMIT:
        raise MathRangeError("liquidity x price move exceeds 192 bits", program_code=MULTIPLICATION_OVERFLOW)
    scaled, prices = product << 64, low_x64 * high_x64
    amount = -(-scaled // prices) if round_up else scaled // prices
    return amount if amount <= U64_MAX else None


def fitting_amount_b(low_x64: int, high_x64: int, liquidity: int, *, round_up: bool) -> int | None:
    """Return the token-B amount between two ordered prices, or None when it exceeds u64.

    Units:  sqrt prices are Q64.64; liquidity is the raw u128; result in token B's smallest unit.
    Rounds: up when the pool receives, down when it pays: never for the trader.
    Source: token_math.rs, try_get_amount_delta_b.
    """
    product = liquidity * (high_x64 - low_x64)
    amount = -(-product >> 64) if round_up else product >> 64
    return amount if amount <= U64_MAX else None


def amount_a_delta(sqrt_price_from: int, sqrt_price_to: int, liquidity: int, *, round_up: bool) -> int:
    """Return the token-A amount that the pool moves between two prices.

    Units:  sqrt prices are Q64.64; liquidity is the raw u128; result in token A's smallest unit.
    Rounds: up when the pool receives A, down when it pays: never for the trader.
    Raises: MathRangeError when the result does not fit the pool's u64.
    Source: token_math.rs, get_amount_delta_a.
    """
    low, high = sorted((sqrt_price_from, sqrt_price_to))
    amount = fitting_amount_a(low, high, liquidity, round_up=round_up)
    if amount is None:
        raise MathRangeError("token A amount exceeds u64", program_code=TOKEN_MAX_EXCEEDED)
    return amount


def amount_b_delta(sqrt_price_from: int, sqrt_price_to: int, liquidity: int, *, round_up: bool) -> int:
    """Return the token-B amount that the pool moves between two prices.

    Units:  sqrt prices are Q64.64; liquidity is the raw u128; result in token B's smallest unit.
    Rounds: up when the pool receives B, down when it pays: never for the trader.
    Raises: MathRangeError when the result does not fit the pool's u64.
    Source: token_math.rs, get_amount_delta_b.
    """
    low, high = sorted((sqrt_price_from, sqrt_price_to))
    amount = fitting_amount_b(low, high, liquidity, round_up=round_up)
    if amount is None:
        raise MathRangeError("token B amount exceeds u64", program_code=SHIFT_RIGHT_OVERFLOW)
    return amount


def next_sqrt_price_from_a(sqrt_price_x64: int, liquidity: int, amount: int, *, is_input: bool) -> int:
    """Return the price after ``amount`` of token A enters (or leaves) the pool.

    Units:  Q64.64; amount in token A's smallest unit.
    Rounds: up in both cases: an input moves the price less, an output more; never for the trader.
    Raises: MathRangeError when the liquidity cannot pay the amount or the price leaves the program's range.
    Source: token_math.rs, get_next_sqrt_price_from_a_round_up.
    """
    if amount == 0:
        return sqrt_price_x64
    numerator = liquidity * sqrt_price_x64
    if numerator >= U192_LIMIT:
        raise MathRangeError("liquidity x price exceeds 192 bits", program_code=MULTIPLICATION_OVERFLOW)
    moved = amount * sqrt_price_x64
    denominator = (liquidity << 64) + moved if is_input else (liquidity << 64) - moved
    if denominator <= 0:
        raise MathRangeError("liquidity cannot pay this amount of token A", program_code=DIVIDE_BY_ZERO)
    sqrt_price = ceil_div(numerator << 64, denominator)
    if sqrt_price < MIN_SQRT_PRICE_X64:
        raise MathRangeError("price would fall below the program's range", program_code=TOKEN_MIN_SUBCEEDED)
    if sqrt_price > MAX_SQRT_PRICE_X64:
        raise MathRangeError("price would rise above the program's range", program_code=TOKEN_MAX_EXCEEDED)
    return sqrt_price


def next_sqrt_price_from_b(sqrt_price_x64: int, liquidity: int, amount: int, *, is_input: bool) -> int:
    """Return the price after ``amount`` of token B enters (or leaves) the pool.

    Units:  Q64.64; amount in token B's smallest unit.
    Rounds: down in both cases: an input moves the price less, an output more; never for the trader.
    Raises: MathRangeError when the price leaves u128 or falls to zero or below.
    Source: token_math.rs, get_next_sqrt_price_from_b_round_down.
    """
    if is_input:
        sqrt_price = sqrt_price_x64 + (amount << 64) // liquidity
    else:
        sqrt_price = sqrt_price_x64 - ceil_div(amount << 64, liquidity)
    if not 0 <= sqrt_price <= U128_MAX:
        raise MathRangeError("price would leave u128", program_code=SQRT_PRICE_OUT_OF_BOUNDS)
    return sqrt_price


def apply_swap_fee(amount: int, fee_rate: int) -> int:
    """Return what is left of an input after the pool's fee.

    Units:  fee_rate in millionths of the input.
    Rounds: down, so that the fee is rounded up.
    Source: rust-sdk/core/src/math/token.rs, try_apply_swap_fee.
    """
    return amount * (MILLIONTHS - fee_rate) // MILLIONTHS


def reverse_apply_swap_fee(amount: int, fee_rate: int) -> int:
    """Return the input that leaves ``amount`` after the pool's fee.

    Units:  fee_rate in millionths of the input.
    Rounds: up: the trader pays the remainder.
    Raises: MathRangeError when the result exceeds u64.
    Source: rust-sdk/core/src/math/token.rs, try_reverse_apply_swap_fee.
    """
    return _within_u64(ceil_div(amount * MILLIONTHS, MILLIONTHS - fee_rate))


def least_amount_out(amount: int, slippage_bps: int) -> int:
    """Return the least output that a slippage tolerance accepts.

    Rounds: down, as the SDK does: a trade may miss the tolerance by less than one unit.
    Source: rust-sdk/core/src/math/token.rs, try_get_min_amount_with_slippage_tolerance.
    """
    return amount * (BPS - slippage_bps) // BPS


def greatest_amount_in(amount: int, slippage_bps: int) -> int:
    """Return the greatest input that a slippage tolerance accepts.

    Rounds: up, as the SDK does.
    Raises: MathRangeError when the result exceeds u64.
    Source: rust-sdk/core/src/math/token.rs, try_get_max_amount_with_slippage_tolerance.
    """
    return _within_u64(ceil_div(amount * (BPS + slippage_bps), BPS))


def _within_u64(amount: int) -> int:
    if amount > U64_MAX:
        raise MathRangeError(f"amount {amount} exceeds u64")
    return amount
