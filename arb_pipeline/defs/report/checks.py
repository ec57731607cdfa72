"""The report says what the published file says, and everybody on the list got it."""

import dagster as dg

from arb_pipeline.partitions import days_of
from arb_pipeline.report import words
from arb_pipeline.report.delivery import deliveries
from arb_pipeline.report.document import TEXT_FILE
from arb_pipeline.resources import Mailer, Published, Reports

# From the trades themselves, past the summary table that the report is made of.
_FROM_TRADES = """
FROM fct_simulated_trades
SELECT coalesce(sum(realised_net_usd), 0), count(*)
WHERE report_date = CAST(? AS DATE) AND is_primary
"""


@dg.asset_check(
    asset="daily_report",
    blocking=True,
    description="The result and the number of trades in the text equal the sums over the published trades.",
)
def figures_equal_trades(
    context: dg.AssetCheckExecutionContext, published: Published, reports: Reports
) -> dg.AssetCheckResult:
    """Recompute the headline by another way."""
    wrong = []
    with published.reader() as connection:
        for day in days_of(context):
            net, trades = connection.execute(_FROM_TRADES, [day]).fetchall()[0]
            text = (reports.folder(day) / TEXT_FILE).read_text(encoding="utf-8")
            expected = f"{words.money(net)} USD simulated over {words.count(trades)} trades"
            if trades and expected not in text:
                wrong.append(f"{day}: expected {expected!r}")
    return dg.AssetCheckResult(passed=not wrong, metadata={"wrong": dg.MetadataValue.json(wrong)})


@dg.asset_check(
    asset="daily_report", blocking=False, description="There is a delivery record for every recipient on the list."
)
def everybody_got_it(context: dg.AssetCheckExecutionContext, reports: Reports, mailer: Mailer) -> dg.AssetCheckResult:
    """Name who is missing."""
    missing = [
        f"{day}: {recipient}"
        for day in days_of(context)
        for recipient in mailer.recipients
        if recipient not in {record.recipient for record in deliveries(reports.folder(day))}
    ]
    return dg.AssetCheckResult(passed=not missing, metadata={"missing": dg.MetadataValue.json(missing)})
