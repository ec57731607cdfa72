"""The daily report: made from the published file, kept as files, mailed once."""

import dagster as dg

from arb_pipeline.catalogue_text import OWNERS
from arb_pipeline.clock import now_ns
from arb_pipeline.partitions import DAYS
from arb_pipeline.report.delivery import deliver, deliveries, edition_of
from arb_pipeline.report.document import HTML_FILE, make_report
from arb_pipeline.report.finality import is_day_over
from arb_pipeline.report.period import Period
from arb_pipeline.resources import Lake, Mailer, Published, Reports


class ReportConfig(dg.Config):
    """Options of one report."""

    resend: bool = False


@dg.asset(
    group_name="report",
    owners=OWNERS,
    kinds={"email", "duckdb"},
    code_version="2",
    partitions_def=DAYS,
    deps=["pnl_hourly", "published_database"],
    retry_policy=dg.RetryPolicy(max_retries=3, delay=20, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL),
)
def daily_report(
    context: dg.AssetExecutionContext,
    config: ReportConfig,
    lake: Lake,
    published: Published,
    reports: Reports,
    mailer: Mailer,
) -> dg.MaterializeResult[None]:
    """The report of a UTC day for managers: result, data quality, what was real, where the money went, gaps.

    Kept under reports/<day> as HTML, text, pictures, CSV and XLSX. Mailed once per recipient and edition: the
    final one when the day is over and worked on, else the day so far.
    """
    day = context.partition_key
    is_final = is_day_over(lake.catalogue, day, at_ns=now_ns())
    with published.reader() as connection:
        report = make_report(connection, Period.of_day(day), reports.links, is_final=is_final)
    folder = reports.folder(day)
    report.write(folder)
    sent = deliver(
        report,
        folder,
        server=mailer.server,
        sender=mailer.sender,
        recipients=mailer.recipients,
        now=now_ns,
        is_repeated=config.resend,
    )
    context.log.info("%s: mailed to %d of %d recipients", report.subject, len(sent), len(mailer.recipients))
    summary = report.figures.summary or {}
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": report.csv.count("\n") - 1,
            "subject": report.subject,
            "edition": edition_of(report),
            "mails_sent": len(sent),
            "delivered_to": ", ".join(record.recipient for record in deliveries(folder)),
            "realised_net_usd": float(summary.get("realised_net_usd", 0)),
            "completeness_pct": float(summary.get("completeness_pct", 0)),
            "file": dg.MetadataValue.path(str(folder / HTML_FILE)),
            "text": dg.MetadataValue.md(f"```\n{report.text}\n```"),
        }
    )
