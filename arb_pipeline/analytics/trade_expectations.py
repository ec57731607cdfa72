"""What we expect of simulated trades beyond arithmetic, as Great Expectations; imported only where it runs (5 s)."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation

TRADE_COLUMNS: Final = (
    "trade_id",
    "opportunity_id",
    "direction",
    "latency_ns",
    "outcome",
    "size_e8",
    "notional_usd_e8",
    "predicted_net_usd_e8",
    "realised_net_usd_e8",
    "legs",
    "completed_ns",
    "decided_ns",
)
_LONGEST_LATENCY_NS: Final = 60_000_000_000


def trade_expectations() -> "list[Expectation]":
    """Return the suite. Critical: the row cannot be right. Warning: it can, but somebody should look."""
    import great_expectations.expectations as gxe

    required = [gxe.ExpectColumnValuesToNotBeNull(column=name, severity="critical") for name in TRADE_COLUMNS]
    return [
        *required,
        gxe.ExpectColumnValuesToBeUnique(column="trade_id", severity="critical"),
        gxe.ExpectColumnValuesToBeInSet(
            column="direction", value_set=["buy_cex_sell_pool", "buy_pool_sell_cex"], severity="critical"
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="outcome",
            value_set=["both_filled", "partly_filled", "unwound", "nothing_filled"],
            severity="critical",
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="latency_ns", min_value=0, max_value=_LONGEST_LATENCY_NS, severity="critical"
        ),
        gxe.ExpectColumnValuesToBeBetween(column="legs", min_value=2, max_value=3, severity="critical"),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="completed_ns", column_B="decided_ns", or_equal=True, severity="critical"
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="predicted_net_usd_e8", min_value=0, strict_min=True, severity="critical"
        ),
        # A trade that loses a tenth of its notional would be a market event or a wrong price.
        gxe.ExpectColumnValuesToBeBetween(
            column="realised_net_usd_e8", min_value=-100 * 10**8, max_value=100 * 10**8, mostly=0.99, severity="warning"
        ),
    ]
