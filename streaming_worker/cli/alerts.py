"""Commands over alerts: what was raised and told, which channels there are, and do they reach anybody."""

import json
from dataclasses import asdict

import click

from streaming_worker.cli.exit_codes import EXIT_CODE_HELP, ExitCode
from streaming_worker.cli.with_config import Loaded, with_config


@click.group(epilog=EXIT_CODE_HELP)
def alerts() -> None:
    """Read the history of alerts, and try their channels out.

    \b
    Examples:
      arb alerts ls --open
      arb alerts channels
      arb alerts test mail
    """


@alerts.command(epilog=EXIT_CODE_HELP)
@with_config
@click.option("--open", "only_open", is_flag=True, help="Only what is not over yet.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def ls(*, loaded: Loaded, only_open: bool, limit: int, as_json: bool) -> ExitCode:
    """List alerts, the newest first, with what became of each message; exit 1 when any is open.

    \b
    Examples:
      arb alerts ls
      arb alerts ls --open --json
    """
    from streaming_worker.alerts import AlertHistory
    from streaming_worker.alerts.database import FILE_NAME
    from streaming_worker.alerts.message import length, utc

    history = AlertHistory(loaded.config.paths.state / FILE_NAME)
    rows = history.recent(limit=limit, only_open=only_open)
    if as_json:
        click.echo(json.dumps({"alerts": [asdict(row) for row in rows]}, indent=2))
        return ExitCode.FINDING if history.open_keys() else ExitCode.OK
    for row in rows:
        end = "open" if row.resolved_ns is None else f"over after {length(row.resolved_ns - row.opened_ns)}"
        click.echo(f"{utc(row.opened_ns)}  {row.severity:8}  {row.title}  ({end})")
        for told in row.deliveries:
            why = f": {told.error}" if told.error and told.status != "sent" else ""
            hold = f" ({told.hold.replace('_', ' ')})" if told.hold else ""
            click.echo(f"    {told.channel}: {told.event} {told.status}{hold}{why}")
    if not rows:
        click.echo("no alert")
    return ExitCode.FINDING if history.open_keys() else ExitCode.OK


@alerts.command(epilog=EXIT_CODE_HELP)
@with_config
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def channels(*, loaded: Loaded, as_json: bool) -> ExitCode:
    """List the channels of the settings, and what each of them has not taken; exit 1 when there is any.

    \b
    Examples:
      arb alerts channels
      arb alerts channels --json
    """
    from streaming_worker.adapters.clock import AnchoredClock
    from streaming_worker.alerts import open_desk

    desk = open_desk(loaded.config, now=AnchoredClock().now_ns)
    unsent = {channel: (messages, error) for channel, messages, error in desk.history.unsent()}
    if as_json:
        rows = [
            {
                "name": channel.name,
                "kind": channel.kind,
                "min_severity": channel.min_severity.value,
                "quiet": channel.is_quiet_at_night,
                "unsent": unsent.get(channel.name, (0, None))[0],
                "error": unsent.get(channel.name, (0, None))[1],
            }
            for channel in desk.channels
        ]
        click.echo(json.dumps({"channels": rows}, indent=2))
    else:
        for channel in desk.channels:
            messages, error = unsent.get(channel.name, (0, ""))
            trouble = f"; {messages} messages not taken: {error}" if messages else ""
            click.echo(f"{channel.name}: {channel.kind}, from {channel.min_severity.value} on{trouble}")
        if not desk.channels:
            click.echo("no channel: alerts are kept, and nobody is told")
    return ExitCode.FINDING if unsent else ExitCode.OK


@alerts.command(epilog=EXIT_CODE_HELP)
@with_config
@click.argument("name")
def test(*, loaded: Loaded, name: str) -> ExitCode:
    """Send one message through the channel NAME now; exit 1 when it is not taken.

    \b
    Examples:
      arb alerts test mail
    """
    from streaming_worker.adapters.clock import AnchoredClock
    from streaming_worker.alerts import open_desk
    from streaming_worker.errors import DeliveryError

    try:
        open_desk(loaded.config, now=AnchoredClock().now_ns).test_channel(name, source="arb alerts test")
    except DeliveryError as e:
        click.echo(str(e))
        return ExitCode.FINDING
    click.echo(f"{name} took the message")
    return ExitCode.OK
