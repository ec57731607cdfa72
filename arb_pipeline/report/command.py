"""Make a report of any days by hand, and send it, without Dagster: what ``arb report`` starts."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from arb_pipeline.clock import now_ns
from arb_pipeline.lake.catalogue import Catalogue
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline.report.delivery import deliver, deliveries, edition_of
from arb_pipeline.report.document import HTML_FILE, Links, ReportDocument, make_report
from arb_pipeline.report.finality import is_period_over
from arb_pipeline.report.period import Period
from arb_pipeline.settings import PipelineSettings, load_settings
from streaming_worker.alerts.mail import smtp_server
from streaming_worker.errors import ConfigError, MailError, StorageError, WorkerError

FINDING: Final = 1
CONFIGURATION: Final = 2
ENVIRONMENT: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for. ``recipients`` empty means those of the settings."""

    period: Period
    is_sent: bool
    is_repeated: bool
    recipients: tuple[str, ...]


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Make, keep and send; print what was done as one JSON object. Returns the exit code."""
    try:
        settings = load_settings(environ, now_ns=now_ns())
        order = _order(arguments)
        report, folder = produce(settings, order.period)
        return _told(settings, order, report, folder)
    except ConfigError as e:
        return _complain(e, CONFIGURATION)
    except (WorkerError, OSError) as e:
        return _complain(e, ENVIRONMENT)


def produce(settings: PipelineSettings, period: Period) -> tuple[ReportDocument, Path]:
    """Make a period's report from the published file and keep it. Raises StorageError without one."""
    if not settings.published.exists():
        raise StorageError(f"nothing is published yet at {settings.published}", path=str(settings.published))
    catalogue = Catalogue(LakeLayout(settings.lake).catalogue)
    is_final = is_period_over(catalogue, period, at_ns=now_ns())
    try:
        with duckdb.connect(str(settings.published), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            report = make_report(connection, period, links_of(settings), is_final=is_final)
    except duckdb.Error as e:
        raise StorageError(f"{settings.published} cannot be read: {e}", path=str(settings.published)) from e
    folder = settings.reports / period.name
    report.write(folder)
    return report, folder


def links_of(settings: PipelineSettings) -> Links:
    """Return where a reader goes on."""
    return Links(console=settings.console_url, dagster=settings.dagster_url)


def _told(settings: PipelineSettings, order: Order, report: ReportDocument, folder: Path) -> int:
    error, sent = None, []
    if order.is_sent:
        smtp = settings.smtp
        try:
            sent = deliver(
                report,
                folder,
                server=smtp_server(smtp),
                sender=smtp.sender,
                recipients=list(order.recipients or smtp.recipients),
                now=now_ns,
                is_repeated=order.is_repeated,
            )
        except MailError as e:
            error = str(e)
    answer = {
        "subject": report.subject,
        "edition": edition_of(report),
        "file": str(folder / HTML_FILE),
        "sent_to": [delivery.recipient for delivery in sent],
        "had_it": sorted({delivery.recipient for delivery in deliveries(folder) if delivery not in sent}),
        "error": error,
    }
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0 if error is None else FINDING


def _order(arguments: Sequence[str]) -> Order:
    parser = argparse.ArgumentParser(prog="arb report")
    parser.add_argument("--from", dest="first", required=True)
    parser.add_argument("--to", dest="last")
    parser.add_argument("--send", action="store_true")
    parser.add_argument("--resend", action="store_true")
    parser.add_argument("--recipient", action="append", default=[])
    asked = parser.parse_args(arguments)
    try:
        period = Period.between(asked.first, asked.last or asked.first)
    except ValueError as e:
        raise ConfigError(f"days: expected days as in 2026-01-31: {e}", key="report") from e
    return Order(
        period=period,
        is_sent=asked.send or asked.resend,
        is_repeated=asked.resend,
        recipients=tuple(asked.recipient),
    )


def _complain(error: Exception, code: int) -> int:
    sys.stderr.write(f"{error}\n")
    return code
