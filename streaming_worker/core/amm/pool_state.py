"""Decoded on-chain state of a Whirlpool market: pool, tick arrays, oracle; raw-unit integers.

Structs rather than dataclasses because keyframes serialise them. Layouts: amm notes in
docs; Source: orca-so/whirlpools programs/whirlpool/src/state.
"""

import msgspec


class WhirlpoolState(msgspec.Struct, frozen=True):
    """The pool account.

    Units: ``sqrt_price_x64`` is Q64.64; ``fee_rate`` millionths of the input; ``protocol_fee_rate`` ten-thousandths
    of the fee; amounts in the token's smallest unit; growths Q64.64 modulo 2^128.
    """

    address: str
    tick_spacing: int
    fee_tier_index: int
    fee_rate: int
    protocol_fee_rate: int
    liquidity: int
    sqrt_price_x64: int
    tick_current_index: int
    protocol_fee_owed_a: int
    protocol_fee_owed_b: int
    token_mint_a: str
    token_vault_a: str
    fee_growth_global_a_x64: int
    token_mint_b: str
    token_vault_b: str
    fee_growth_global_b_x64: int

    @property
    def is_adaptive_fee(self) -> bool:
        """A pool has an adaptive fee exactly when its fee tier index is not its tick spacing."""
        return self.fee_tier_index != self.tick_spacing


class Tick(msgspec.Struct, frozen=True):
    """One initialised tick."""

    tick_index: int
    liquidity_net: int
    liquidity_gross: int


class TickArray(msgspec.Struct, frozen=True):
    """88 slots from ``start_tick_index``; only initialised ticks are listed, in ascending order."""

    start_tick_index: int
    ticks: tuple[Tick, ...]


class AdaptiveFeeConstants(msgspec.Struct, frozen=True):
    """The oracle account's constants (seconds, ten-thousandths and ticks as on chain)."""

    filter_period: int
    decay_period: int
    reduction_factor: int
    adaptive_fee_control_factor: int
    max_volatility_accumulator: int
    tick_group_size: int
    major_swap_threshold_ticks: int


class AdaptiveFeeVariables(msgspec.Struct, frozen=True):
    """The oracle account's variables (timestamps in chain seconds)."""

    last_reference_update_timestamp: int
    last_major_swap_timestamp: int
    volatility_reference: int
    tick_group_index_reference: int
    volatility_accumulator: int


class OracleState(msgspec.Struct, frozen=True):
    """The oracle account of an adaptive-fee pool."""

    whirlpool: str
    trade_enable_timestamp: int
    constants: AdaptiveFeeConstants
    variables: AdaptiveFeeVariables


class TransferFee(msgspec.Struct, frozen=True):
    """A Token-2022 transfer fee: ``bps`` ten-thousandths, at most ``max_fee`` smallest units."""

    bps: int
    max_fee: int


class WhirlpoolMarket(msgspec.Struct, frozen=True):
    """Everything that an exact quote needs.

    ``arrays`` holds the tick arrays that the caller has, by start index; an account known not to exist is an entry with
    no ticks. An array that is absent from the mapping was not read: the sequence ends before it.
    """

    pool: WhirlpoolState
    arrays: dict[int, TickArray]
    oracle: OracleState | None = None
    transfer_fee_a: TransferFee | None = None
    transfer_fee_b: TransferFee | None = None
