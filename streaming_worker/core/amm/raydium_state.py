"""Decoded on-chain state of Raydium pools; raw-unit integers. Token 0 (coin) is A, token 1 (pc) is B.

Source: raydium-io/raydium-clmm programs/amm/src/states; raydium-cp-swap programs/cp-swap/src/states;
raydium-amm program/src/state.rs.
"""

import msgspec

from streaming_worker.core.amm.pool_state import TransferFee


class DynamicFee(msgspec.Struct, frozen=True):
    """A CLMM pool's dynamic fee: constants, then variables (chain seconds, ten-thousandths, tick groups)."""

    filter_period: int
    decay_period: int
    reduction_factor: int
    dynamic_fee_control: int
    max_volatility_accumulator: int
    tick_spacing_index_reference: int
    volatility_reference: int
    volatility_accumulator: int
    last_update_timestamp: int


class RaydiumClmmPool(msgspec.Struct, frozen=True):
    """The CLMM pool account.

    Units: ``sqrt_price_x64`` Q64.64; growths Q64.64 modulo 2^128; ``fee_on`` 0 takes fees from the input, 1 and 2
    from token 0 and 1; ``initialized_starts`` are the tick arrays that the pool's own bitmap marks.
    """

    address: str
    amm_config: str
    token_mint_0: str
    token_mint_1: str
    token_vault_0: str
    token_vault_1: str
    mint_decimals_0: int
    mint_decimals_1: int
    tick_spacing: int
    liquidity: int
    sqrt_price_x64: int
    tick_current: int
    fee_growth_global_0_x64: int
    fee_growth_global_1_x64: int
    protocol_fees_token_0: int
    protocol_fees_token_1: int
    fund_fees_token_0: int
    fund_fees_token_1: int
    is_swap_enabled: bool
    fee_on: int
    open_time: int
    initialized_starts: tuple[int, ...]
    dynamic_fee: DynamicFee | None


class RaydiumClmmConfig(msgspec.Struct, frozen=True):
    """The CLMM config account; rates in millionths, protocol and fund rates as parts of the fee."""

    protocol_fee_rate: int
    trade_fee_rate: int
    tick_spacing: int
    fund_fee_rate: int


class RaydiumTick(msgspec.Struct, frozen=True):
    """One initialised tick; ``has_orders`` marks limit orders that a crossing swap would fill first."""

    tick_index: int
    liquidity_net: int
    liquidity_gross: int
    has_orders: bool = False


class RaydiumTickArray(msgspec.Struct, frozen=True):
    """60 slots from ``start_tick_index``; only initialised ticks are listed, in ascending order."""

    start_tick_index: int
    ticks: tuple[RaydiumTick, ...]


class RaydiumClmmMarket(msgspec.Struct, frozen=True):
    """Everything that an exact CLMM quote needs.

    ``initialized_starts`` are the starts of all tick arrays that hold ticks (pool bitmap and extension), ascending;
    ``arrays`` those of them that were read.
    """

    pool: RaydiumClmmPool
    config: RaydiumClmmConfig
    initialized_starts: tuple[int, ...]
    arrays: dict[int, RaydiumTickArray]
    transfer_fee_0: TransferFee | None = None
    transfer_fee_1: TransferFee | None = None


class RaydiumCpmmPool(msgspec.Struct, frozen=True):
    """The CPMM pool account. ``creator_fee_on`` 0 takes the creator fee from the input, 1 and 2 from token 0 and 1."""

    address: str
    amm_config: str
    token_vault_0: str
    token_vault_1: str
    token_mint_0: str
    token_mint_1: str
    is_swap_enabled: bool
    mint_decimals_0: int
    mint_decimals_1: int
    protocol_fees_token_0: int
    protocol_fees_token_1: int
    fund_fees_token_0: int
    fund_fees_token_1: int
    open_time: int
    creator_fee_on: int
    is_creator_fee_enabled: bool
    creator_fees_token_0: int
    creator_fees_token_1: int


class RaydiumCpmmConfig(msgspec.Struct, frozen=True):
    """The CPMM config account; rates in millionths, protocol and fund rates as parts of the trade fee."""

    trade_fee_rate: int
    protocol_fee_rate: int
    fund_fee_rate: int
    creator_fee_rate: int


class RaydiumCpmmMarket(msgspec.Struct, frozen=True):
    """Everything that an exact CPMM quote needs; vault amounts are token account balances of the same snapshot."""

    pool: RaydiumCpmmPool
    config: RaydiumCpmmConfig
    vault_amount_0: int
    vault_amount_1: int
    transfer_fee_0: TransferFee | None = None
    transfer_fee_1: TransferFee | None = None


class RaydiumAmmPool(msgspec.Struct, frozen=True):
    """The AMM v4 account. The swap fee is a fraction of the input; ``need_take_pnl`` is owed and not a reserve."""

    address: str
    status: int
    coin_decimals: int
    pc_decimals: int
    swap_fee_numerator: int
    swap_fee_denominator: int
    need_take_pnl_coin: int
    need_take_pnl_pc: int
    pool_open_time: int
    coin_vault: str
    pc_vault: str
    coin_mint: str
    pc_mint: str
    lp_mint: str
    open_orders: str
    market: str


class RaydiumAmmMarket(msgspec.Struct, frozen=True):
    """Everything that an AMM v4 quote needs; vault amounts are token account balances of the same snapshot."""

    pool: RaydiumAmmPool
    coin_vault_amount: int
    pc_vault_amount: int
