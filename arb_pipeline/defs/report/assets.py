"""The reports of days and weeks: made from the published file, kept as files, mailed once."""

from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg

from arb_pipeline.catalogue_text import OWNERS
from arb_pipeline.clock import now_ns
from arb_pipeline.partitions import DAYS, WEEKS
from arb_pipeline.report.delivery import deliver, deliveries, edition_of
from arb_pipeline.report.document import HTML_FILE, make_report
from arb_pipeline.report.finality import is_period_over
from arb_pipeline.report.period import Period
from arb_pipeline.resources import Lake, Mailer, Published, Reports


class ReportConfig(dg.Config):
    """Options of one report."""

    resend: bool = False


# Days and weeks whose report is out already are made again when hours of theirs were worked again, once all of it is
# published; nothing is mailed by that. A report that was never made waits for its schedule.
_LATE_DATA = (
    dg.AutomationCondition.any_deps_updated().allow(dg.AssetSelection.assets("pnl_hourly")).since_last_handled()
    & ~dg.AutomationCondition.missing()
    & ~dg.AutomationCondition.in_progress()
    & ~dg.AutomationCondition.any_deps_in_progress()
).with_label("hours were worked again")
_BY_CONDITION = "dagster/from_automation_condition"
_RETRIES = dg.RetryPolicy(max_retries=3, delay=20, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL)


@dataclass(frozen=True, slots=True)
class Out:
    """What a report is made of, and where it goes."""

    lake: Lake
    published: Published
    reports: Reports
    mailer: Mailer


def _report(
    name: str,
    partitions: dg.TimeWindowPartitionsDefinition,
    period_of: Callable[[str], Period],
    *,
    code_version: str,
    description: str,
) -> dg.AssetsDefinition:
    """Return the asset of a report; ``period_of`` turns a partition's key into its days."""

    @dg.asset(
        name=name,
        group_name="report",
        owners=OWNERS,
        kinds={"email", "duckdb"},
        code_version=code_version,
        description=description,
        partitions_def=partitions,
        deps=["pnl_hourly", "published_database"],
        retry_policy=_RETRIES,
        automation_condition=_LATE_DATA,
    )
    def made(
        context: dg.AssetExecutionContext,
        config: ReportConfig,
        lake: Lake,
        published: Published,
        reports: Reports,
        mailer: Mailer,
    ) -> dg.MaterializeResult[None]:
        """Make it, keep it and mail it."""
        return _produced(context, period_of(context.partition_key), config, Out(lake, published, reports, mailer))

    return made


daily_report = _report(
    "daily_report",
    DAYS,
    Period.of_day,
    code_version="2",
    description="""The report of a UTC day for managers: result, data quality, what was real, where the money went,
gaps.

Kept under reports/<day> as HTML, text, pictures, CSV and XLSX. Mailed once per recipient and edition: the
final one when the day is over and worked on, else the day so far.""",
)
weekly_report = _report(
    "weekly_report",
    WEEKS,
    Period.of_week,
    code_version="1",
    description="""The report of a week of UTC days, Monday to Sunday: the days beside each other, and what they come
to.

Kept under reports/<Monday>_<Sunday> and mailed once per recipient, like that of a day.""",
)


def _produced(
    context: dg.AssetExecutionContext, period: Period, config: ReportConfig, out: Out
) -> dg.MaterializeResult[None]:
    """Make a report and keep it; mail it, unless only late data asked for it."""
    is_final = is_period_over(out.lake.catalogue, period, at_ns=now_ns())
    with out.published.reader() as connection:
        report = make_report(connection, period, out.reports.links, is_final=is_final)
    folder = out.reports.folder(period.name)
    report.write(folder)
    is_mailed = _BY_CONDITION not in context.run.tags
    recipients = out.mailer.recipients if is_mailed else []
    sent = deliver(
        report,
        folder,
        server=out.mailer.server,
        sender=out.mailer.sender,
        recipients=recipients,
        now=now_ns,
        is_repeated=config.resend,
    )
    context.log.info("%s: mailed to %d of %d recipients", report.subject, len(sent), len(recipients))
    summary = report.figures.summary or {}
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": report.csv.count("\n") - 1,
            "subject": report.subject,
            "edition": edition_of(report),
            "mails_sent": len(sent),
            "delivered_to": ", ".join(record.recipient for record in deliveries(folder)),
            "realised_net_usd": float(summary.get("total_realised_net_usd", 0)),
            "completeness_pct": float(summary.get("completeness_pct", 0)),
            "file": dg.MetadataValue.path(str(folder / HTML_FILE)),
            "text": dg.MetadataValue.md(f"```\n{report.text}\n```"),
        }
    )
