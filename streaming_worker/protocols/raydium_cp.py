"""Raydium CPMM and AMM v4 accounts: bytes to pool and config.

Pure decoding. Reserves are vault balances (token_account.py) less what these accounts say is owed; take all from one
snapshot.
Source: raydium-io/raydium-cp-swap programs/cp-swap/src/states; raydium-io/raydium-amm program/src/state.rs.
"""

from struct import Struct
from typing import Final

from streaming_worker.core.amm.raydium_state import RaydiumAmmPool, RaydiumCpmmConfig, RaydiumCpmmPool
from streaming_worker.core.units import MILLIONTHS
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.account_data import (
    key_text,
    require_discriminator,
    require_length,
    require_owner,
    require_range,
)

CPMM_PROGRAM: Final = "CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C"
AMM_V4_PROGRAM: Final = "675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8"

CPMM_POOL_DISCRIMINATOR: Final = bytes.fromhex("f7ede3f5d7c3de46")
CPMM_CONFIG_DISCRIMINATOR: Final = bytes.fromhex("daf42168cbcb2b6f")
CPMM_POOL_BYTES: Final = 637
CPMM_CONFIG_BYTES: Final = 236
AMM_POOL_BYTES: Final = 752

_CPMM_POOL: Final = Struct("<8x32s32x32s32s32x32s32s32x32x32xxBxBB8xQQQQQ")
_CPMM_CREATOR: Final = Struct("<BB6xQQ")
_CPMM_CREATOR_AT: Final = 389
_CPMM_SWAP_IS_OFF: Final = 1 << 2
_CPMM_CONFIG: Final = Struct("<12xQQQ")
_CPMM_CREATOR_RATE: Final = Struct("<Q")
_CPMM_CREATOR_RATE_AT: Final = 108
_AMM_POOL: Final = Struct("<Q24xQQ128xQQQQ16xQ104x32s32s32s32s32s32s32s")
_GREATEST_AMM_STATUS: Final = 7


def decode_cpmm_pool(address: str, data: bytes, *, owner: str) -> RaydiumCpmmPool:
    """Decode a CPMM pool account.

    Raises: FeedFormatError on a foreign owner (a CLMM pool has the same discriminator), or another account type.
    Source: states/pool.rs, PoolState.
    """
    what = f"raydium cpmm pool {address}"
    require_owner(owner, (CPMM_PROGRAM,), what)
    require_discriminator(data, CPMM_POOL_DISCRIMINATOR, what)
    require_length(data, CPMM_POOL_BYTES, what)
    (
        config,
        vault_0,
        vault_1,
        mint_0,
        mint_1,
        status,
        decimals_0,
        decimals_1,
        protocol_fees_0,
        protocol_fees_1,
        fund_fees_0,
        fund_fees_1,
        open_time,
    ) = _CPMM_POOL.unpack_from(data)
    creator_fee_on, creator_fee_flag, creator_fees_0, creator_fees_1 = _CPMM_CREATOR.unpack_from(data, _CPMM_CREATOR_AT)
    require_range(creator_fee_on, 0, 2, f"{what}: creator_fee_on")
    require_range(creator_fee_flag, 0, 1, f"{what}: enable_creator_fee")
    return RaydiumCpmmPool(
        address=address,
        amm_config=key_text(config),
        token_vault_0=key_text(vault_0),
        token_vault_1=key_text(vault_1),
        token_mint_0=key_text(mint_0),
        token_mint_1=key_text(mint_1),
        is_swap_enabled=not status & _CPMM_SWAP_IS_OFF,
        mint_decimals_0=decimals_0,
        mint_decimals_1=decimals_1,
        protocol_fees_token_0=protocol_fees_0,
        protocol_fees_token_1=protocol_fees_1,
        fund_fees_token_0=fund_fees_0,
        fund_fees_token_1=fund_fees_1,
        open_time=open_time,
        creator_fee_on=creator_fee_on,
        is_creator_fee_enabled=bool(creator_fee_flag),
        creator_fees_token_0=creator_fees_0,
        creator_fees_token_1=creator_fees_1,
    )


def decode_cpmm_config(data: bytes, *, owner: str) -> RaydiumCpmmConfig:
    """Decode a CPMM config account. Raises FeedFormatError. Source: states/config.rs, AmmConfig."""
    what = "raydium cpmm config"
    require_owner(owner, (CPMM_PROGRAM,), what)
    require_discriminator(data, CPMM_CONFIG_DISCRIMINATOR, what)
    require_length(data, CPMM_CONFIG_BYTES, what)
    trade_rate, protocol_rate, fund_rate = _CPMM_CONFIG.unpack_from(data)
    (creator_rate,) = _CPMM_CREATOR_RATE.unpack_from(data, _CPMM_CREATOR_RATE_AT)
    require_range(trade_rate + creator_rate, 0, MILLIONTHS - 1, f"{what}: trade and creator fee rate")
    require_range(protocol_rate + fund_rate, 0, MILLIONTHS, f"{what}: protocol and fund fee rate")
    return RaydiumCpmmConfig(trade_rate, protocol_rate, fund_rate, creator_rate)


def decode_amm_pool(address: str, data: bytes, *, owner: str) -> RaydiumAmmPool:
    """Decode an AMM v4 account. It has no discriminator: owner and length decide.

    Raises: FeedFormatError on a foreign owner, another length, or a fee that leaves nothing to swap.
    Source: state.rs, AmmInfo.
    """
    what = f"raydium amm v4 pool {address}"
    require_owner(owner, (AMM_V4_PROGRAM,), what)
    require_length(data, AMM_POOL_BYTES, what)
    (
        status,
        coin_decimals,
        pc_decimals,
        swap_fee_numerator,
        swap_fee_denominator,
        need_take_pnl_coin,
        need_take_pnl_pc,
        pool_open_time,
        *keys,
    ) = _AMM_POOL.unpack_from(data)
    require_range(status, 0, _GREATEST_AMM_STATUS, f"{what}: status")
    if swap_fee_numerator >= swap_fee_denominator:
        raise FeedFormatError(f"{what}: expected a fee below 1, received {swap_fee_numerator}/{swap_fee_denominator}")
    coin_vault, pc_vault, coin_mint, pc_mint, lp_mint, open_orders, market = (key_text(key) for key in keys)
    return RaydiumAmmPool(
        address=address,
        status=status,
        coin_decimals=coin_decimals,
        pc_decimals=pc_decimals,
        swap_fee_numerator=swap_fee_numerator,
        swap_fee_denominator=swap_fee_denominator,
        need_take_pnl_coin=need_take_pnl_coin,
        need_take_pnl_pc=need_take_pnl_pc,
        pool_open_time=pool_open_time,
        coin_vault=coin_vault,
        pc_vault=pc_vault,
        coin_mint=coin_mint,
        pc_mint=pc_mint,
        lp_mint=lp_mint,
        open_orders=open_orders,
        market=market,
    )
