"""The report says what the published file says, and everybody on the list got it."""

from collections.abc import Callable

import dagster as dg

from arb_pipeline.report import words
from arb_pipeline.report.delivery import deliveries
from arb_pipeline.report.document import TEXT_FILE
from arb_pipeline.report.period import Period
from arb_pipeline.resources import Mailer, Published, Reports

# From the trades themselves, past the summary table that the report is made of.
_FROM_TRADES = """
FROM fct_simulated_trades
SELECT coalesce(sum(realised_net_usd), 0), count(*)
WHERE report_date BETWEEN ? AND ? AND is_primary
"""


def _unequal(periods: list[Period], published: Published, reports: Reports) -> list[str]:
    wrong = []
    with published.reader() as connection:
        for period in periods:
            net, trades = connection.execute(_FROM_TRADES, [period.first, period.last]).fetchall()[0]
            text = (reports.folder(period.name) / TEXT_FILE).read_text(encoding="utf-8")
            expected = f"{words.money(net)} USD simulated over {words.count(trades)} trades"
            if trades and expected not in text:
                wrong.append(f"{period.name}: expected {expected!r}")
    return wrong


def _without(periods: list[Period], reports: Reports, mailer: Mailer) -> list[str]:
    return [
        f"{period.name}: {recipient}"
        for period in periods
        for recipient in mailer.recipients
        if recipient not in {record.recipient for record in deliveries(reports.folder(period.name))}
    ]


def _checks_of(asset: str, period_of: Callable[[str], Period]) -> list[dg.AssetChecksDefinition]:
    """Return the checks of a report; ``period_of`` turns a partition's key into its days."""

    @dg.asset_check(
        asset=asset,
        name="figures_equal_trades",
        blocking=True,
        description="The result and the number of trades in the text equal the sums over the published trades.",
    )
    def figures_equal_trades(
        context: dg.AssetCheckExecutionContext, published: Published, reports: Reports
    ) -> dg.AssetCheckResult:
        """Recompute the headline by another way."""
        wrong = _unequal([period_of(key) for key in context.partition_keys], published, reports)
        return dg.AssetCheckResult(passed=not wrong, metadata={"wrong": dg.MetadataValue.json(wrong)})

    @dg.asset_check(
        asset=asset,
        name="everybody_got_it",
        blocking=False,
        description="There is a delivery record for every recipient on the list.",
    )
    def everybody_got_it(
        context: dg.AssetCheckExecutionContext, reports: Reports, mailer: Mailer
    ) -> dg.AssetCheckResult:
        """Name who is missing."""
        missing = _without([period_of(key) for key in context.partition_keys], reports, mailer)
        return dg.AssetCheckResult(passed=not missing, metadata={"missing": dg.MetadataValue.json(missing)})

    return [figures_equal_trades, everybody_got_it]


daily_checks = _checks_of("daily_report", Period.of_day)
weekly_checks = _checks_of("weekly_report", Period.of_week)
