"""Account bytes as the chain stores them: Whirlpool pool and tick arrays, the Clock sysvar, token mints.

Growths outside ticks, rewards and owners of positions are zero: no quote depends on them.
Source: orca-so/whirlpools programs/whirlpool/src/state; solana-program sysvar clock; spl-token state.
"""

from base64 import b64encode
from functools import lru_cache
from struct import Struct
from typing import Final

import msgspec
from solders.pubkey import Pubkey

from streaming_worker.core.amm.pool_state import Tick, TickArray, WhirlpoolMarket, WhirlpoolState
from streaming_worker.core.units import NANOS_PER_SECOND

WHIRLPOOL_PROGRAM: Final = "whirLbMiicVdio4qvUfM5KAg6Ct8VwpYzGff3uctyCc"
WHIRLPOOLS_CONFIG: Final = "2LecshUwdy9xi7meFgHtFJQNSKk4KdTrcpvaB56dP2NQ"
CLOCK_ADDRESS: Final = "SysvarC1ock11111111111111111111111111111111"
_SYSVAR_OWNER: Final = "Sysvar1111111111111111111111111111111111111"
_SPL_PROGRAM: Final = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"

_POOL_DISCRIMINATOR: Final = bytes.fromhex("3f95d10ce1806309")
_FIXED_DISCRIMINATOR: Final = bytes.fromhex("4561bdbe6e0742bb")
_DYNAMIC_DISCRIMINATOR: Final = bytes.fromhex("11d8f68ee1c7da38")
_SLOTS: Final = 88
_EMPTY_FIXED_SLOT: Final = bytes(113)
_SLOT_TAIL: Final = bytes(16 * 5)
_REWARDS: Final = bytes(3 * 128)
_SLOTS_PER_EPOCH: Final = 432_000
_RENT_EPOCH: Final = 2**64 - 1

_POOL_NUMBERS: Final = Struct("<HHHH")
_TICK_START: Final = Struct("<i")
_OWED: Final = Struct("<QQ")
_CLOCK: Final = Struct("<QqQQq")


class Account(msgspec.Struct, frozen=True):
    """One account as the RPC returns it."""

    data: bytes
    owner: str
    lamports: int

    def to_json(self) -> str:
        """Return the RPC's value object, keys in the order of the real node, data in base64."""
        encoded = b64encode(self.data).decode()
        return (
            f'{{"data":["{encoded}","base64"],"executable":false,"lamports":{self.lamports},'
            f'"owner":"{self.owner}","rentEpoch":{_RENT_EPOCH},"space":{len(self.data)}}}'
        )


@lru_cache(maxsize=4_096)
def tick_array_address(pool: str, start_tick_index: int) -> str:
    """Return the address derived from the pool and the decimal text of the start index."""
    return _derived(b"tick_array", bytes(Pubkey.from_string(pool)), str(start_tick_index).encode())


@lru_cache(maxsize=64)
def oracle_address(pool: str) -> str:
    """Return the address where the pool's oracle would be."""
    return _derived(b"oracle", bytes(Pubkey.from_string(pool)))


def is_dynamic(start_tick_index: int, tick_spacing: int) -> bool:
    """Say which arrays use the newer encoding: every second one, so that a client meets both."""
    return start_tick_index // (_SLOTS * tick_spacing) % 2 == 1


def pool_account(pool: WhirlpoolState) -> Account:
    """Encode the pool account, 653 bytes."""
    seed = pool.fee_tier_index.to_bytes(2, "little")
    bump = Pubkey.find_program_address(
        [b"whirlpool", _key(WHIRLPOOLS_CONFIG), _key(pool.token_mint_a), _key(pool.token_mint_b), seed],
        Pubkey.from_string(WHIRLPOOL_PROGRAM),
    )[1]
    data = b"".join(
        (
            _POOL_DISCRIMINATOR,
            _key(WHIRLPOOLS_CONFIG),
            bytes((bump,)),
            _POOL_NUMBERS.pack(pool.tick_spacing, pool.fee_tier_index, pool.fee_rate, pool.protocol_fee_rate),
            _u128(pool.liquidity),
            _u128(pool.sqrt_price_x64),
            _TICK_START.pack(pool.tick_current_index),
            _OWED.pack(pool.protocol_fee_owed_a, pool.protocol_fee_owed_b),
            _key(pool.token_mint_a),
            _key(pool.token_vault_a),
            _u128(pool.fee_growth_global_a_x64),
            _key(pool.token_mint_b),
            _key(pool.token_vault_b),
            _u128(pool.fee_growth_global_b_x64),
            bytes(8),
            _REWARDS,
        )
    )
    return _program_account(data, WHIRLPOOL_PROGRAM)


def tick_array_account(market: WhirlpoolMarket, start_tick_index: int) -> Account:
    """Encode one tick array, fixed or dynamic."""
    pool = market.pool
    encode = dynamic_array_data if is_dynamic(start_tick_index, pool.tick_spacing) else fixed_array_data
    data = encode(pool.address, market.arrays[start_tick_index], pool.tick_spacing)
    return _program_account(data, WHIRLPOOL_PROGRAM)


def clock_account(slot: int, slot_ns: int) -> Account:
    """Encode the Clock sysvar as it is in ``slot``."""
    second = slot_ns // NANOS_PER_SECOND
    epoch = slot // _SLOTS_PER_EPOCH
    epoch_started = second - slot % _SLOTS_PER_EPOCH * 2 // 5
    return Account(_CLOCK.pack(slot, epoch_started, epoch, epoch + 1, second), _SYSVAR_OWNER, 1_169_280)


def mint_account(decimals: int) -> Account:
    """Encode a plain token mint, 82 bytes, without authorities."""
    data = bytes(36) + (0).to_bytes(8, "little") + bytes((decimals, 1)) + bytes(36)
    return _program_account(data, _SPL_PROGRAM)


def fixed_array_data(pool: str, array: TickArray, tick_spacing: int) -> bytes:
    """Return the 9,988 bytes of the older encoding."""
    slots = _slots(array, tick_spacing)
    parts = [_FIXED_DISCRIMINATOR, _TICK_START.pack(array.start_tick_index)]
    for number in range(_SLOTS):
        tick = slots.get(number)
        parts.append(_EMPTY_FIXED_SLOT if tick is None else b"\x01" + _slot(tick))
    return b"".join((*parts, _key(pool)))


def dynamic_array_data(pool: str, array: TickArray, tick_spacing: int) -> bytes:
    """Return the newer encoding: 148 bytes and 112 more for each initialised tick."""
    slots = _slots(array, tick_spacing)
    bitmap = sum(1 << number for number in slots)
    parts = [_DYNAMIC_DISCRIMINATOR, _TICK_START.pack(array.start_tick_index), _key(pool), _u128(bitmap)]
    for number in range(_SLOTS):
        tick = slots.get(number)
        parts.append(b"\x00" if tick is None else b"\x01" + _slot(tick))
    return b"".join(parts)


def _slots(array: TickArray, tick_spacing: int) -> dict[int, Tick]:
    return {(tick.tick_index - array.start_tick_index) // tick_spacing: tick for tick in array.ticks}


def _slot(tick: Tick) -> bytes:
    return tick.liquidity_net.to_bytes(16, "little", signed=True) + _u128(tick.liquidity_gross) + _SLOT_TAIL


def _program_account(data: bytes, owner: str) -> Account:
    return Account(data, owner, (len(data) + 128) * 6_960)


def _u128(value: int) -> bytes:
    return value.to_bytes(16, "little")


@lru_cache(maxsize=256)
def _key(address: str) -> bytes:
    return bytes(Pubkey.from_string(address))


def _derived(*seeds: bytes) -> str:
    return str(Pubkey.find_program_address(list(seeds), Pubkey.from_string(WHIRLPOOL_PROGRAM))[0])
