"""Commands that prove something from the record or against published vectors."""

import json
from pathlib import Path
from typing import Any

import click

from streaming_worker.cli.exit_codes import EXIT_CODE_HELP, ExitCode


@click.command(epilog=EXIT_CODE_HELP)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a line for each book.")
def replay(*, paths: tuple[Path, ...], as_json: bool) -> ExitCode:
    """Replay recordings through the production protocols and engine, and say what they gave.

    PATHS are files or folders. The digest is the same for the same input, on any machine.

    \b
    Examples:
      arb replay recordings/coinbase recordings/gemini
      arb replay recordings --json
    """
    from streaming_worker.cli.progress import steps
    from streaming_worker.service.replay import replay_captures

    with steps() as step:
        report = replay_captures(paths, progress=step)
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        for line in replay_lines(report):
            click.echo(line)
    return ExitCode.OK if report["captures"] else ExitCode.FINDING


def replay_lines(report: dict[str, Any]) -> list[str]:
    """Return the report for a person: a line for each book, each skipped file, and the whole."""
    lines = []
    for name, capture in report["captures"].items():
        frames, gaps, letters = capture["frames"], capture["gaps"], capture["dead_letters"]
        lines.append(f"{name}: {capture['venue']}, {frames} frames, {gaps} gaps, {letters} dead letters")
        for symbol, book in capture["instruments"].items():
            bid, ask = (" x ".join(book[side]) if book[side] else "none" for side in ("best_bid", "best_ask"))
            depth = f"{book['bids']} bids, {book['asks']} asks"
            lines.append(f"  {symbol}: {book['state']}, {depth}, best bid {bid}, best ask {ask}")
    lines += [f"skipped {name}: {reason}" for name, reason in report["skipped"].items()]
    lines += [f"{name}: {value}" for name, value in report["overall"].items()]
    return lines
