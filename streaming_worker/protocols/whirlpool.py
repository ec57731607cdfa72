"""Whirlpool accounts: bytes to pool, tick array and oracle state.

Pure decoding; subscriptions and notifications are solana.py's job, arithmetic is core.amm's.
Source: orca-so/whirlpools programs/whirlpool/src/state (whirlpool.rs, fixed_tick_array.rs, dynamic_tick_array.rs,
oracle.rs).
"""

from collections.abc import Collection, Iterator
from struct import Struct
from typing import Final

from streaming_worker.core.amm.pool_state import (
    AdaptiveFeeConstants,
    AdaptiveFeeVariables,
    OracleState,
    Tick,
    TickArray,
    WhirlpoolState,
)
from streaming_worker.core.amm.whirlpool_math import (
    MAX_SQRT_PRICE_X64,
    MAX_TICK,
    MIN_SQRT_PRICE_X64,
    MIN_TICK,
    TICKS_PER_ARRAY,
)
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.account_data import (
    DISCRIMINATOR_BYTES,
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

WHIRLPOOL_PROGRAM: Final = "whirLbMiicVdio4qvUfM5KAg6Ct8VwpYzGff3uctyCc"
IMMUTABLE_WHIRLPOOL_PROGRAM: Final = "iwhrLHdsgrvmnwU8GF2FSmyabSMjfHwFGJAX2ufJ3ZN"
WHIRLPOOL_PROGRAMS: Final = frozenset({WHIRLPOOL_PROGRAM, IMMUTABLE_WHIRLPOOL_PROGRAM})

WHIRLPOOL_DISCRIMINATOR: Final = bytes.fromhex("3f95d10ce1806309")
FIXED_TICK_ARRAY_DISCRIMINATOR: Final = bytes.fromhex("4561bdbe6e0742bb")
DYNAMIC_TICK_ARRAY_DISCRIMINATOR: Final = bytes.fromhex("11d8f68ee1c7da38")
ORACLE_DISCRIMINATOR: Final = bytes.fromhex("8bc283b38cb3e5f4")

WHIRLPOOL_BYTES: Final = 653
FIXED_TICK_ARRAY_BYTES: Final = 9988
ORACLE_BYTES: Final = 254
CLOCK_BYTES: Final = 40

MAX_FEE_RATE: Final = 60_000
MAX_PROTOCOL_FEE_RATE: Final = 2_500

_POOL: Final = Struct("<8x32xBHHHH16s16siQQ32s32s16s32s32s16s")
_ORACLE: Final = Struct("<8x32sQHHHIIHH16xQQIiI")
_CLOCK: Final = Struct("<Q24xq")
_START: Final = Struct("<i")
_FIXED_TICKS_AT: Final = 12
_FIXED_KEY_AT: Final = 9956
_DYNAMIC_KEY_AT: Final = 12
_DYNAMIC_BITMAP_AT: Final = 44
_DYNAMIC_TICKS_AT: Final = 60
_DYNAMIC_LEAST_BYTES: Final = 148
TICK_BYTES: Final = 112


def decode_whirlpool(
    address: str, data: bytes, *, owner: str, programs: Collection[str] = WHIRLPOOL_PROGRAMS
) -> WhirlpoolState:
    """Decode a pool account.

    Raises: FeedFormatError on a foreign owner, another account type, or values that no pool can have.
    Source: state/whirlpool.rs.
    """
    what = f"whirlpool {address}"
    require_owner(owner, programs, what)
    require_discriminator(data, WHIRLPOOL_DISCRIMINATOR, what)
    require_length(data, WHIRLPOOL_BYTES, what)
    (
        _bump,
        tick_spacing,
        fee_tier_index,
        fee_rate,
        protocol_fee_rate,
        liquidity,
        sqrt_price,
        tick_current_index,
        protocol_fee_owed_a,
        protocol_fee_owed_b,
        mint_a,
        vault_a,
        growth_a,
        mint_b,
        vault_b,
        growth_b,
    ) = _POOL.unpack_from(data)
    sqrt_price_x64 = u128(sqrt_price)
    require_range(tick_spacing, 1, 0xFFFF, f"{what}: tick spacing")
    require_range(fee_rate, 0, MAX_FEE_RATE, f"{what}: fee rate")
    require_range(protocol_fee_rate, 0, MAX_PROTOCOL_FEE_RATE, f"{what}: protocol fee rate")
    require_range(sqrt_price_x64, MIN_SQRT_PRICE_X64, MAX_SQRT_PRICE_X64, f"{what}: sqrt price")
    require_range(tick_current_index, MIN_TICK - 1, MAX_TICK, f"{what}: current tick")
    return WhirlpoolState(
        address=address,
        tick_spacing=tick_spacing,
        fee_tier_index=fee_tier_index,
        fee_rate=fee_rate,
        protocol_fee_rate=protocol_fee_rate,
        liquidity=u128(liquidity),
        sqrt_price_x64=sqrt_price_x64,
        tick_current_index=tick_current_index,
        protocol_fee_owed_a=protocol_fee_owed_a,
        protocol_fee_owed_b=protocol_fee_owed_b,
        token_mint_a=key_text(mint_a),
        token_vault_a=key_text(vault_a),
        fee_growth_global_a_x64=u128(growth_a),
        token_mint_b=key_text(mint_b),
        token_vault_b=key_text(vault_b),
        fee_growth_global_b_x64=u128(growth_b),
    )


def decode_tick_array(
    data: bytes, *, owner: str, tick_spacing: int, programs: Collection[str] = WHIRLPOOL_PROGRAMS
) -> tuple[str, TickArray]:
    """Decode a tick array of either encoding; return the pool that it belongs to, and the array.

    The account does not hold its tick spacing: it comes from the pool.

    Raises: FeedFormatError on a foreign owner, another account type, or an array that no such pool can have.
    Source: state/fixed_tick_array.rs and state/dynamic_tick_array.rs.
    """
    start, whirlpool, slots = read_tick_slots(data, owner=owner, tick_spacing=tick_spacing, programs=programs)
    ticks = tuple(
        Tick(start + slot * tick_spacing, i128(data[at : at + 16]), u128(data[at + 16 : at + 32])) for slot, at in slots
    )
    return whirlpool, TickArray(start, ticks)


def read_tick_slots(
    data: bytes, *, owner: str, tick_spacing: int, programs: Collection[str] = WHIRLPOOL_PROGRAMS
) -> tuple[int, str, list[tuple[int, int]]]:
    """Return (start index, pool, initialised slots); a slot is (number, offset of its 112 bytes).

    Raises: FeedFormatError as decode_tick_array.
    """
    what = "tick array"
    require_owner(owner, programs, what)
    discriminator = data[:DISCRIMINATOR_BYTES]
    if discriminator == FIXED_TICK_ARRAY_DISCRIMINATOR:
        require_length(data, FIXED_TICK_ARRAY_BYTES, "fixed tick array")
        key_at, slots = _FIXED_KEY_AT, list(_fixed_slots(data))
    elif discriminator == DYNAMIC_TICK_ARRAY_DISCRIMINATOR:
        key_at, slots = _DYNAMIC_KEY_AT, list(_dynamic_slots(data))
    else:
        expected = f"{FIXED_TICK_ARRAY_DISCRIMINATOR.hex()} or {DYNAMIC_TICK_ARRAY_DISCRIMINATOR.hex()}"
        raise FeedFormatError(f"{what}: expected discriminator {expected}, received {discriminator.hex()}")
    (start,) = _START.unpack_from(data, DISCRIMINATOR_BYTES)
    size = TICKS_PER_ARRAY * tick_spacing
    if start % size or not MIN_TICK - size < start <= MAX_TICK:
        raise FeedFormatError(f"{what}: expected a start on a multiple of {size} within range, received {start}")
    return start, key_text(data[key_at : key_at + KEY_BYTES]), slots


def decode_oracle(data: bytes, *, owner: str, programs: Collection[str] = WHIRLPOOL_PROGRAMS) -> OracleState:
    """Decode the oracle of an adaptive-fee pool.

    Raises: FeedFormatError on a foreign owner or another account type.
    Source: state/oracle.rs.
    """
    require_owner(owner, programs, "oracle")
    require_discriminator(data, ORACLE_DISCRIMINATOR, "oracle")
    require_length(data, ORACLE_BYTES, "oracle")
    whirlpool, trade_enable_timestamp, *fields = _ORACLE.unpack_from(data)
    constants = AdaptiveFeeConstants(*fields[:7])
    require_range(constants.tick_group_size, 1, 0xFFFF, "oracle: tick group size")
    return OracleState(key_text(whirlpool), trade_enable_timestamp, constants, AdaptiveFeeVariables(*fields[7:]))


def decode_clock(data: bytes) -> tuple[int, int]:
    """Decode the Clock sysvar; return (slot, unix timestamp in chain seconds). Raises FeedFormatError."""
    require_length(data, CLOCK_BYTES, "clock sysvar")
    slot, unix_timestamp = _CLOCK.unpack(data)
    return slot, unix_timestamp


def whirlpool_address(program: str, config: str, mint_a: str, mint_b: str, fee_tier_index: int) -> str:
    """Return the address of a pool."""
    mints = bytes(parse_key(mint_a)), bytes(parse_key(mint_b))
    return derived_address(
        program, b"whirlpool", bytes(parse_key(config)), *mints, fee_tier_index.to_bytes(2, "little")
    )


def tick_array_address(program: str, whirlpool: str, start_tick_index: int) -> str:
    """Return the address of a pool's tick array; the start index is a seed as decimal text."""
    return derived_address(program, b"tick_array", bytes(parse_key(whirlpool)), str(start_tick_index).encode())


def oracle_address(program: str, whirlpool: str) -> str:
    """Return the address of a pool's oracle (it exists for adaptive-fee pools only)."""
    return derived_address(program, b"oracle", bytes(parse_key(whirlpool)))


def fee_tier_address(program: str, config: str, fee_tier_index: int) -> str:
    """Return the address of a fee tier."""
    return derived_address(program, b"fee_tier", bytes(parse_key(config)), fee_tier_index.to_bytes(2, "little"))


def _fixed_slots(data: bytes) -> Iterator[tuple[int, int]]:
    for slot in range(TICKS_PER_ARRAY):
        at = _FIXED_TICKS_AT + slot * (1 + TICK_BYTES)
        require_range(data[at], 0, 1, f"fixed tick array: flag of slot {slot}")
        if data[at]:
            yield slot, at + 1


def _dynamic_slots(data: bytes) -> Iterator[tuple[int, int]]:
    if len(data) < _DYNAMIC_LEAST_BYTES:
        raise FeedFormatError(
            f"dynamic tick array: expected at least {_DYNAMIC_LEAST_BYTES} bytes, received {len(data)}"
        )
    bitmap = u128(data[_DYNAMIC_BITMAP_AT:_DYNAMIC_TICKS_AT])
    if bitmap >> TICKS_PER_ARRAY:
        raise FeedFormatError(f"dynamic tick array: expected a bitmap of 88 bits, received {bitmap:x}")
    require_length(data, _DYNAMIC_LEAST_BYTES + TICK_BYTES * bitmap.bit_count(), "dynamic tick array")
    at = _DYNAMIC_TICKS_AT
    for slot in range(TICKS_PER_ARRAY):
        expected = bitmap >> slot & 1
        if data[at] != expected:
            raise FeedFormatError(f"dynamic tick array: expected tag {expected} in slot {slot}, received {data[at]}")
        at += 1
        if expected:
            yield slot, at
            at += TICK_BYTES
