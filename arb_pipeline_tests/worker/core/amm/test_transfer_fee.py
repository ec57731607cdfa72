"""Token-2022 transfer fees: rounding, the cap, and which of two schedules applies."""

import pytest

from streaming_worker.core.amm.pool_state import TransferFee
from streaming_worker.core.amm.transfer_fee import (
    TRANSFER_FEE_CALCULATION_ERROR,
    TransferFeeSchedule,
    after_transfer_fee,
    before_transfer_fee,
    fee_in_epoch,
    transfer_fee_on,
)
from streaming_worker.errors import MathRangeError

HALF_PERCENT = TransferFee(50, 1_000_000)


def test_the_fee_is_rounded_up_and_capped() -> None:
    assert transfer_fee_on(1, HALF_PERCENT) == 1
    assert transfer_fee_on(10_001, HALF_PERCENT) == 51
    assert transfer_fee_on(10**12, HALF_PERCENT) == 1_000_000
    assert transfer_fee_on(10**12, None) == 0


@pytest.mark.parametrize("amount", [1, 199, 10_000, 200_000_000, 10**15])
def test_grossing_up_delivers_at_least_the_amount_and_no_unit_less_would(amount: int) -> None:
    gross = before_transfer_fee(amount, HALF_PERCENT)
    assert after_transfer_fee(gross, HALF_PERCENT) >= amount
    assert after_transfer_fee(gross - 1, HALF_PERCENT) < amount


def test_grossing_up_knows_no_fee_and_the_whole_as_fee() -> None:
    assert before_transfer_fee(77, None) == 77
    assert before_transfer_fee(77, TransferFee(0, 5)) == 77
    assert before_transfer_fee(0, HALF_PERCENT) == 0
    assert before_transfer_fee(77, TransferFee(10_000, 5)) == 82


def test_a_transfer_beyond_u64_is_refused_with_the_programs_number() -> None:
    with pytest.raises(MathRangeError) as refused:
        before_transfer_fee(2**64 - 1, HALF_PERCENT)
    assert refused.value.program_code == TRANSFER_FEE_CALCULATION_ERROR


def test_the_newer_fee_applies_from_its_epoch_on() -> None:
    older, newer = TransferFee(10, 100), TransferFee(20, 200)
    schedule = TransferFeeSchedule(older, newer, 700)
    assert fee_in_epoch(schedule, 699) == older
    assert fee_in_epoch(schedule, 700) == newer
    assert fee_in_epoch(None, 700) is None
