"""Token-2022 transfer fees: what a token transfer costs before and after the pool.

Source: solana-program/token-2022, extension/transfer_fee/mod.rs; orca-so/whirlpools util/v2/token.rs.
"""

from typing import Final

import msgspec

from streaming_worker.core.amm.pool_state import TransferFee
from streaming_worker.core.units import BPS, ceil_div
from streaming_worker.errors import MathRangeError

TRANSFER_FEE_CALCULATION_ERROR: Final = 6052
_U64_MAX: Final = 2**64 - 1


class TransferFeeSchedule(msgspec.Struct, frozen=True):
    """A mint's two fees: ``newer`` applies from epoch ``newer_epoch`` on, ``older`` before."""

    older: TransferFee
    newer: TransferFee
    newer_epoch: int


def fee_in_epoch(schedule: TransferFeeSchedule | None, epoch: int) -> TransferFee | None:
    """Return the fee that applies in an epoch, or None where the mint has none."""
    if schedule is None:
        return None
    return schedule.newer if epoch >= schedule.newer_epoch else schedule.older


def transfer_fee_on(amount: int, fee: TransferFee | None) -> int:
    """Return the fee that a transfer of ``amount`` pays.

    Units:  the token's smallest unit.
    Rounds: up, then capped at the mint's maximum.
    """
    if fee is None:
        return 0
    return min(ceil_div(amount * fee.bps, BPS), fee.max_fee)


def after_transfer_fee(amount: int, fee: TransferFee | None) -> int:
    """Return what arrives of a transfer of ``amount``."""
    return amount - transfer_fee_on(amount, fee)


def before_transfer_fee(amount: int, fee: TransferFee | None) -> int:
    """Return the transfer of which ``amount`` arrives.

    Units:  the token's smallest unit.
    Rounds: up: the sender pays the remainder.
    Raises: MathRangeError when the transfer exceeds u64.
    """
    if fee is None or fee.bps == 0 or amount == 0:
        return amount
    most = amount + fee.max_fee
    gross = most if fee.bps == BPS else min(ceil_div(amount * BPS, BPS - fee.bps), most)
    if gross > _U64_MAX:
        raise MathRangeError(f"transfer of {gross} exceeds u64", program_code=TRANSFER_FEE_CALCULATION_ERROR)
    return gross
