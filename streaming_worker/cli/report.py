"""The command that makes a report of any days by hand, and sends it."""

from datetime import date, timedelta

import click

from streaming_worker.cli.exit_codes import EXIT_CODE_HELP, ExitCode
from streaming_worker.cli.with_config import Loaded, with_config

_DAYS_OF_WEEK = 7


@click.command(epilog=EXIT_CODE_HELP)
@with_config
@click.option("--from", "first", metavar="DAY", help="First UTC day, as in 2026-01-31.")
@click.option("--to", "last", metavar="DAY", help="Last UTC day, included; the first one where left out.")
@click.option("--week", metavar="DAY", help="Instead of both: the week from Monday to Sunday that holds this day.")
@click.option("--send", is_flag=True, help="Mail it to everybody who has not had it yet.")
@click.option("--resend", is_flag=True, help="Mail it to everybody, also to who has had it.")
@click.option("--recipient", "recipients", multiple=True, help="Mail it to this address instead of smtp.recipients.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def report(
    *,
    loaded: Loaded,
    first: str | None,
    last: str | None,
    week: str | None,
    send: bool,
    resend: bool,
    recipients: tuple[str, ...],
    as_json: bool,
) -> ExitCode:
    """Make the report of a day, a week or any range out of the published file; keep it under reports, and send it.

    Each recipient gets a finished report of the same days once, however often it is sent; while a day of it still runs
    it is a report so far. Exit 1 when the mail server refused somebody.

    \b
    Examples:
      arb report --from 2026-01-31
      arb report --from 2026-01-01 --to 2026-01-31 --send
      arb report --week 2026-01-31 --send --recipient boss@example.com
    """
    from streaming_worker.operations.report import ReportOrder, run_report

    days = _days(first, last, week)
    answer = run_report(
        ReportOrder(first=days[0], last=days[1], is_sent=send, is_repeated=resend, recipients=recipients),
        loaded.environ,
    )
    click.echo(answer.text if as_json else "\n".join(answer.lines))
    return ExitCode.FINDING if answer.error else ExitCode.OK


def _days(first: str | None, last: str | None, week: str | None) -> tuple[date, date]:
    if (week is None) == (first is None) or (week is not None and last is not None):
        raise click.UsageError("expected --from with or without --to, or --week")
    if week is not None:
        monday = _day(week, "--week")
        monday -= timedelta(days=monday.weekday())
        return monday, monday + timedelta(days=_DAYS_OF_WEEK - 1)
    begin = _day(first or "", "--from")
    return begin, begin if last is None else _day(last, "--to")


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as e:
        raise click.BadParameter(f"expected a day as in 2026-01-31, received {text!r}", param_hint=option) from e
