"""Raydium CLMM accounts: bytes to pool, config, tick array and the marks of initialised tick arrays.

Pure decoding. CPMM and AMM v4 are in raydium_cp.py. The CLMM and the CPMM pool have the same discriminator: owner and
length tell them apart.
Source: raydium-io/raydium-clmm programs/amm/src/states.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Final

from streaming_worker.core.amm.raydium_clmm_math import (
    MAX_SQRT_PRICE_X64,
    MAX_TICK,
    MIN_SQRT_PRICE_X64,
    MIN_TICK,
    TICKS_PER_ARRAY,
)
from streaming_worker.core.amm.raydium_state import (
    DynamicFee,
    RaydiumClmmConfig,
    RaydiumClmmPool,
    RaydiumTick,
    RaydiumTickArray,
)
from streaming_worker.core.units import MILLIONTHS
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.account_data import (
    KEY_BYTES,
    derived_address,
    i128,
    key_text,
    parse_key,
    require_discriminator,
    require_length,
    require_owner,
    require_range,
    u128,
)

CLMM_PROGRAM: Final = "CAMMCzo5YL8w4VFF8KVHrK22GGUsp5VTaW7grrKgrWqK"

POOL_DISCRIMINATOR: Final = bytes.fromhex("f7ede3f5d7c3de46")
CONFIG_DISCRIMINATOR: Final = bytes.fromhex("daf42168cbcb2b6f")
TICK_ARRAY_DISCRIMINATOR: Final = bytes.fromhex("c09b55cd31f9812a")
BITMAP_EXTENSION_DISCRIMINATOR: Final = bytes.fromhex("3c9624db61808b99")

POOL_BYTES: Final = 1544
CONFIG_BYTES: Final = 117
TICK_ARRAY_BYTES: Final = 10240
BITMAP_EXTENSION_BYTES: Final = 1832

_POOL: Final = Struct("<9x32s32x32s32s32s32s32xBBH16s16si4x16s16sQQ64xBB")
_POOL_BITMAP_AT: Final = 904
_POOL_BITMAP_BYTES: Final = 128
_POOL_TAIL: Final = Struct("<QQQQ")
_POOL_TAIL_AT: Final = 1064
_DYNAMIC_FEE: Final = Struct("<HHHIIiIIQ")
_DYNAMIC_FEE_AT: Final = 1096
_DYNAMIC_FEE_BYTES: Final = 80
_SWAP_IS_OFF: Final = 1 << 4
_CONFIG: Final = Struct("<43xIIHI")
_ARRAY_POOL_AT: Final = 8
_START: Final = Struct("<i")
_START_AT: Final = 40
_TICKS_AT: Final = 44
_TICK: Final = Struct("<i16s16s88xQQ")
_TICK_BYTES: Final = 168
_BITMAP_ARRAYS: Final = 512
_EXTENSION_BITMAPS: Final = 14
_EXTENSION_BITMAP_BYTES: Final = 64
_EXTENSION_AT: Final = 40


def decode_clmm_pool(address: str, data: bytes, *, owner: str) -> RaydiumClmmPool:
    """Decode a CLMM pool account.

    Raises: FeedFormatError on a foreign owner, another account type, or values that no pool can have.
    Source: states/pool.rs, PoolState; states/pool_fee.rs, DynamicFeeInfo.
    """
    what = f"raydium clmm pool {address}"
    require_owner(owner, (CLMM_PROGRAM,), what)
    require_discriminator(data, POOL_DISCRIMINATOR, what)
    require_length(data, POOL_BYTES, what)
    (
        config,
        mint_0,
        mint_1,
        vault_0,
        vault_1,
        decimals_0,
        decimals_1,
        tick_spacing,
        liquidity,
        sqrt_price,
        tick_current,
        growth_0,
        growth_1,
        protocol_fees_0,
        protocol_fees_1,
        status,
        fee_on,
    ) = _POOL.unpack_from(data)
    fund_fees_0, fund_fees_1, open_time, _ = _POOL_TAIL.unpack_from(data, _POOL_TAIL_AT)
    require_range(tick_spacing, 1, 0xFFFF, f"{what}: tick spacing")
    require_range(u128(sqrt_price), MIN_SQRT_PRICE_X64, MAX_SQRT_PRICE_X64 - 1, f"{what}: sqrt price")
    require_range(tick_current, MIN_TICK - 1, MAX_TICK, f"{what}: current tick")
    require_range(fee_on, 0, 2, f"{what}: fee_on")
    return RaydiumClmmPool(
        address=address,
        amm_config=key_text(config),
        token_mint_0=key_text(mint_0),
        token_mint_1=key_text(mint_1),
        token_vault_0=key_text(vault_0),
        token_vault_1=key_text(vault_1),
        mint_decimals_0=decimals_0,
        mint_decimals_1=decimals_1,
        tick_spacing=tick_spacing,
        liquidity=u128(liquidity),
        sqrt_price_x64=u128(sqrt_price),
        tick_current=tick_current,
        fee_growth_global_0_x64=u128(growth_0),
        fee_growth_global_1_x64=u128(growth_1),
        protocol_fees_token_0=protocol_fees_0,
        protocol_fees_token_1=protocol_fees_1,
        fund_fees_token_0=fund_fees_0,
        fund_fees_token_1=fund_fees_1,
        is_swap_enabled=not status & _SWAP_IS_OFF,
        fee_on=fee_on,
        open_time=open_time,
        initialized_starts=tuple(_pool_starts(data, tick_spacing)),
        dynamic_fee=_dynamic_fee(data),
    )


def decode_clmm_config(data: bytes, *, owner: str) -> RaydiumClmmConfig:
    """Decode a CLMM config account. Raises FeedFormatError. Source: states/config.rs, AmmConfig."""
    what = "raydium clmm config"
    require_owner(owner, (CLMM_PROGRAM,), what)
    require_discriminator(data, CONFIG_DISCRIMINATOR, what)
    require_length(data, CONFIG_BYTES, what)
    protocol_rate, trade_rate, tick_spacing, fund_rate = _CONFIG.unpack_from(data)
    require_range(trade_rate, 0, MILLIONTHS - 1, f"{what}: trade fee rate")
    require_range(protocol_rate + fund_rate, 0, MILLIONTHS, f"{what}: protocol and fund fee rate")
    return RaydiumClmmConfig(protocol_rate, trade_rate, tick_spacing, fund_rate)


def decode_clmm_tick_array(data: bytes, *, owner: str, tick_spacing: int) -> tuple[str, RaydiumTickArray]:
    """Decode a CLMM tick array; return the pool that it belongs to, and the array.

    A slot counts when it has liquidity or limit orders.

    Raises: FeedFormatError on a foreign owner, another account type, or an array that no such pool can have.
    Source: states/tick_array.rs, TickArrayState.
    """
    what = "raydium clmm tick array"
    require_owner(owner, (CLMM_PROGRAM,), what)
    require_discriminator(data, TICK_ARRAY_DISCRIMINATOR, what)
    require_length(data, TICK_ARRAY_BYTES, what)
    (start,) = _START.unpack_from(data, _START_AT)
    size = TICKS_PER_ARRAY * tick_spacing
    if start % size or not MIN_TICK - size < start <= MAX_TICK:
        raise FeedFormatError(f"{what}: expected a start on a multiple of {size} within range, received {start}")
    ticks = tuple(_ticks(data, start, tick_spacing))
    return key_text(data[_ARRAY_POOL_AT : _ARRAY_POOL_AT + KEY_BYTES]), RaydiumTickArray(start, ticks)


def decode_clmm_bitmap_extension(data: bytes, *, owner: str, tick_spacing: int) -> tuple[str, tuple[int, ...]]:
    """Decode a bitmap extension; return its pool and the ascending starts of the tick arrays that it marks.

    Bit b of positive bitmap k is array 512 x (k + 1) + b, of negative bitmap k array b - 512 x (k + 2).

    Raises: FeedFormatError on a foreign owner or another account type.
    Source: states/tickarray_bitmap_extension.rs.
    """
    what = "raydium clmm bitmap extension"
    require_owner(owner, (CLMM_PROGRAM,), what)
    require_discriminator(data, BITMAP_EXTENSION_DISCRIMINATOR, what)
    require_length(data, BITMAP_EXTENSION_BYTES, what)
    numbers: list[int] = []
    for place in range(2 * _EXTENSION_BITMAPS):
        at = _EXTENSION_AT + place * _EXTENSION_BITMAP_BYTES
        is_positive, k = place < _EXTENSION_BITMAPS, place % _EXTENSION_BITMAPS
        first = _BITMAP_ARRAYS * (k + 1) if is_positive else -_BITMAP_ARRAYS * (k + 2)
        numbers.extend(first + bit for bit in _bits(data[at : at + _EXTENSION_BITMAP_BYTES]))
    size = TICKS_PER_ARRAY * tick_spacing
    starts = tuple(number * size for number in sorted(numbers))
    return key_text(data[_ARRAY_POOL_AT : _ARRAY_POOL_AT + KEY_BYTES]), starts


def clmm_tick_array_address(pool: str, start_tick_index: int) -> str:
    """Return the address of a pool's tick array; the start index is a seed as big-endian bytes."""
    seed = start_tick_index.to_bytes(4, "big", signed=True)
    return derived_address(CLMM_PROGRAM, b"tick_array", bytes(parse_key(pool)), seed)


def clmm_bitmap_extension_address(pool: str) -> str:
    """Return the address of a pool's bitmap extension."""
    return derived_address(CLMM_PROGRAM, b"pool_tick_array_bitmap_extension", bytes(parse_key(pool)))


def _pool_starts(data: bytes, tick_spacing: int) -> Iterator[int]:
    bitmap = data[_POOL_BITMAP_AT : _POOL_BITMAP_AT + _POOL_BITMAP_BYTES]
    for bit in _bits(bitmap):
        yield (bit - _BITMAP_ARRAYS) * TICKS_PER_ARRAY * tick_spacing


def _bits(data: bytes) -> Iterator[int]:
    bitmap = int.from_bytes(data, "little")
    while bitmap:
        lowest = bitmap & -bitmap
        yield lowest.bit_length() - 1
        bitmap ^= lowest


def _dynamic_fee(data: bytes) -> DynamicFee | None:
    """A pool without a dynamic fee has zeroes in its place."""
    if not any(data[_DYNAMIC_FEE_AT : _DYNAMIC_FEE_AT + _DYNAMIC_FEE_BYTES]):
        return None
    return DynamicFee(*_DYNAMIC_FEE.unpack_from(data, _DYNAMIC_FEE_AT))


def _ticks(data: bytes, start: int, tick_spacing: int) -> Iterator[RaydiumTick]:
    for slot in range(TICKS_PER_ARRAY):
        tick, net, gross, orders, part_filled = _TICK.unpack_from(data, _TICKS_AT + slot * _TICK_BYTES)
        liquidity_gross, has_orders = u128(gross), bool(orders or part_filled)
        if liquidity_gross == 0 and not has_orders:
            continue
        expected = start + slot * tick_spacing
        if tick != expected:
            raise FeedFormatError(f"raydium clmm tick array: expected tick {expected} in slot {slot}, received {tick}")
        require_range(tick, MIN_TICK, MAX_TICK, "raydium clmm tick array: initialised tick")
        yield RaydiumTick(tick, i128(net), liquidity_gross, has_orders)
