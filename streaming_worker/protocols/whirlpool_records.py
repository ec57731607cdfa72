"""The parts of Whirlpool accounts that quotes do not need: rewards, fee growth per tick, fee tiers.

Pure decoding; whirlpool.py has what quotes need.
Source: orca-so/whirlpools programs/whirlpool/src/state (whirlpool.rs, tick.rs, fee_tier.rs, adaptive_fee_tier.rs).
"""

from collections.abc import Collection
from struct import Struct
from typing import Final

import msgspec

from streaming_worker.core.amm.pool_state import AdaptiveFeeConstants
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.account_data import (
    i128,
    key_text,
    require_discriminator,
    require_length,
    require_owner,
    u128,
)
from streaming_worker.protocols.whirlpool import (
    WHIRLPOOL_BYTES,
    WHIRLPOOL_DISCRIMINATOR,
    WHIRLPOOL_PROGRAMS,
    read_tick_slots,
)

FEE_TIER_DISCRIMINATOR: Final = bytes.fromhex("384b9f4c8e44be69")
ADAPTIVE_FEE_TIER_DISCRIMINATOR: Final = bytes.fromhex("931090742f92952e")
FEE_TIER_BYTES: Final = 44
ADAPTIVE_FEE_TIER_BYTES: Final = frozenset({128, 256})
"""256 on chain, of which 128 are used; encoders write the used ones only."""

_HEAD: Final = Struct("<8x32sB")
_REWARDS_UPDATED: Final = Struct("<Q")
_REWARDS_UPDATED_AT: Final = 261
_REWARD: Final = Struct("<32s32s32s16s16s")
_REWARDS_AT: Final = 269
_REWARDS: Final = 3
_TICK: Final = Struct("<16s16s16s16s16s16s16s")
_FEE_TIER: Final = Struct("<8x32sHH")
_ADAPTIVE_FEE_TIER: Final = Struct("<8x32sHH32s32sHHHHIIHH")


class Reward(msgspec.Struct, frozen=True):
    """One of a pool's three rewards. ``extension`` was an authority key; now it holds an authority or flags."""

    mint: str
    vault: str
    extension: bytes
    emissions_per_second_x64: int
    growth_global_x64: int


class WhirlpoolRewards(msgspec.Struct, frozen=True):
    """What a pool account holds beside its trading state. Units: chain seconds; growths Q64.64 modulo 2^128."""

    whirlpools_config: str
    bump: int
    last_updated_timestamp: int
    rewards: tuple[Reward, ...]


class TickRecord(msgspec.Struct, frozen=True):
    """One initialised tick with the growths on its outer side. Units: Q64.64 modulo 2^128."""

    tick_index: int
    liquidity_net: int
    liquidity_gross: int
    fee_growth_outside_a_x64: int
    fee_growth_outside_b_x64: int
    reward_growths_outside_x64: tuple[int, ...]


class FeeTier(msgspec.Struct, frozen=True):
    """A fee tier. Units: ``default_fee_rate`` in millionths."""

    whirlpools_config: str
    tick_spacing: int
    default_fee_rate: int


class AdaptiveFeeTier(msgspec.Struct, frozen=True):
    """An adaptive fee tier. Units: ``default_base_fee_rate`` in millionths."""

    whirlpools_config: str
    fee_tier_index: int
    tick_spacing: int
    initialize_pool_authority: str
    delegated_fee_authority: str
    default_base_fee_rate: int
    constants: AdaptiveFeeConstants


def decode_rewards(data: bytes, *, owner: str, programs: Collection[str] = WHIRLPOOL_PROGRAMS) -> WhirlpoolRewards:
    """Decode the rewards of a pool account. Raises FeedFormatError on a foreign owner or another account type."""
    what = "whirlpool rewards"
    require_owner(owner, programs, what)
    require_discriminator(data, WHIRLPOOL_DISCRIMINATOR, what)
    require_length(data, WHIRLPOOL_BYTES, what)
    config, bump = _HEAD.unpack_from(data)
    (last_updated_timestamp,) = _REWARDS_UPDATED.unpack_from(data, _REWARDS_UPDATED_AT)
    rewards = tuple(_reward(data, _REWARDS_AT + place * _REWARD.size) for place in range(_REWARDS))
    return WhirlpoolRewards(key_text(config), bump, last_updated_timestamp, rewards)


def decode_tick_records(
    data: bytes, *, owner: str, tick_spacing: int, programs: Collection[str] = WHIRLPOOL_PROGRAMS
) -> tuple[TickRecord, ...]:
    """Decode a tick array of either encoding with its growths. Raises FeedFormatError as decode_tick_array."""
    start, _, slots = read_tick_slots(data, owner=owner, tick_spacing=tick_spacing, programs=programs)
    return tuple(_tick(data, at, start + slot * tick_spacing) for slot, at in slots)


def decode_fee_tier(data: bytes, *, owner: str, programs: Collection[str] = WHIRLPOOL_PROGRAMS) -> FeeTier:
    """Decode a fee tier. Raises FeedFormatError on a foreign owner or another account type."""
    require_owner(owner, programs, "fee tier")
    require_discriminator(data, FEE_TIER_DISCRIMINATOR, "fee tier")
    require_length(data, FEE_TIER_BYTES, "fee tier")
    config, tick_spacing, default_fee_rate = _FEE_TIER.unpack_from(data)
    return FeeTier(key_text(config), tick_spacing, default_fee_rate)


def decode_adaptive_fee_tier(
    data: bytes, *, owner: str, programs: Collection[str] = WHIRLPOOL_PROGRAMS
) -> AdaptiveFeeTier:
    """Decode an adaptive fee tier. Raises FeedFormatError on a foreign owner or another account type."""
    what = "adaptive fee tier"
    require_owner(owner, programs, what)
    require_discriminator(data, ADAPTIVE_FEE_TIER_DISCRIMINATOR, what)
    if len(data) not in ADAPTIVE_FEE_TIER_BYTES:
        raise FeedFormatError(f"{what}: expected 128 or 256 bytes, received {len(data)}")
    config, index, spacing, pool_authority, fee_authority, base_rate, *constants = _ADAPTIVE_FEE_TIER.unpack_from(data)
    return AdaptiveFeeTier(
        key_text(config),
        index,
        spacing,
        key_text(pool_authority),
        key_text(fee_authority),
        base_rate,
        AdaptiveFeeConstants(*constants),
    )


def _reward(data: bytes, at: int) -> Reward:
    mint, vault, extension, emissions, growth = _REWARD.unpack_from(data, at)
    return Reward(key_text(mint), key_text(vault), extension, u128(emissions), u128(growth))


def _tick(data: bytes, at: int, tick_index: int) -> TickRecord:
    net, gross, growth_a, growth_b, *rewards = _TICK.unpack_from(data, at)
    return TickRecord(
        tick_index, i128(net), u128(gross), u128(growth_a), u128(growth_b), tuple(u128(reward) for reward in rewards)
    )
