"""Vectors of Raydium CPMM swaps. They come from Raydium's SDK, which rounds trade and creator fee up one by one."""

from typing import Final

from streaming_worker.core.amm.raydium_cpmm import CpmmRates, exact_in_amounts, exact_out_amounts
from streaming_worker.errors import MathRangeError
from streaming_worker.service.vectors.rows import Differences, Row, RowContext, RowFormat, difference, differences


def check(row: Row, _context: RowContext) -> Differences:
    """Compute the row's swap and compare amounts, fees and reserves."""
    rates = CpmmRates(
        trade=row["trade_fee_rate"],
        protocol=row["protocol_fee_rate"],
        fund=row["fund_fee_rate"],
        creator=row["creator_fee_rate"],
        is_creator_fee_on_input=row["creator_fee_on_input"],
        rounds_fees_apart=True,
    )
    exact_amounts = exact_in_amounts if row["exact_in"] else exact_out_amounts
    expected = row["result"]
    try:
        amounts = exact_amounts(int(row["amount"]), int(row["vault_in"]), int(row["vault_out"]), rates)
    except MathRangeError as e:
        return {} if "error" in expected else difference("result", expected, f"error: {e}")
    received = {
        "input_amount": amounts.amount_in,
        "output_amount": amounts.amount_out,
        "trade_fee": amounts.trade_fee,
        "protocol_fee": amounts.protocol_fee,
        "fund_fee": amounts.fund_fee,
        "creator_fee": amounts.creator_fee,
        "new_vault_in": amounts.reserve_in_after,
        "new_vault_out": amounts.reserve_out_after,
    }
    return differences(expected, received)


FORMAT: Final = RowFormat(
    name="raydium cpmm", knows=lambda row: "creator_fee_on_input" in row and "vault_in" in row, check=check
)
