"""Commands that prove something from the record or against published vectors."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from streaming_worker.cli.exit_codes import EXIT_CODE_HELP, ExitCode

PARTS = ("decode", "engine", "quote", "sink", "end-to-end")


@click.command(epilog=EXIT_CODE_HELP)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a line for each book.")
@click.option(
    "--opportunity",
    metavar="ID",
    help="Replay up to this opportunity's decision only, and print it as JSON; PATHS is then one data folder.",
)
def replay(*, paths: tuple[Path, ...], as_json: bool, opportunity: str | None) -> ExitCode:
    """Replay recordings through the production protocols and engine, and say what they gave.

    PATHS are files or folders: recorded captures, sealed segments, or a lake. Of segments and a lake it also says
    whether every keyframe and every output came out as recorded. The digest is the same for the same input, on any
    machine.

    \b
    Examples:
      arb replay recordings/coinbase recordings/gemini
      arb replay data/segments
      arb replay recordings --json
      arb replay data --opportunity 4717d2aeba3d993e2189092e21d587f6
    """
    if opportunity is not None:
        return _decision(paths, opportunity)
    from streaming_worker.cli.progress import steps
    from streaming_worker.service.replay import replay_captures

    with steps() as step:
        report = replay_captures(paths, progress=step)
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        for line in replay_lines(report):
            click.echo(line)
    runs = report.get("runs", {})
    is_proven = bool(report["captures"] or runs) and all(run["is_equal"] for run in runs.values())
    return ExitCode.OK if is_proven else ExitCode.FINDING


def _decision(paths: tuple[Path, ...], opportunity_id: str) -> ExitCode:
    """Print what one opportunity was decided on, and whether the replay decides the same; amounts are x 1e8."""
    import msgspec

    from streaming_worker.service.moment import find, rebuild

    if len(paths) != 1:
        raise click.UsageError(f"--opportunity takes one data folder, received {len(paths)} paths")
    moment = rebuild(paths[0], find(paths[0], opportunity_id), lambda: False)
    click.echo(json.dumps(msgspec.to_builtins(moment), indent=2))
    return ExitCode.OK if moment.is_same else ExitCode.FINDING


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
    for name, run in report.get("runs", {}).items():
        proof = f"{run['keyframes_equal']} of {run['keyframes']} keyframes equal"
        rows = f"{run['missing_rows']} output rows missing, {run['unexpected_rows']} unexpected"
        lines.append(f"{name}: {run['events']} events, {run['outputs']} outputs, {proof}, {rows}")
        lines += [f"  ends early: {run['damage']}"] if run["damage"] else []
    lines += [f"skipped {name}: {reason}" for name, reason in report["skipped"].items()]
    lines += [f"{name}: {value}" for name, value in report["overall"].items()]
    return lines


@click.command(epilog=EXIT_CODE_HELP)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a line for each file.")
def vectors(*, folder: Path, as_json: bool) -> ExitCode:
    """Run the pool arithmetic over every file of FOLDER and compare each row with what the chain's programs gave.

    \b
    Examples:
      arb vectors published-vectors
      arb vectors published-vectors --json
    """
    from streaming_worker.service.vectors.run import run_vectors

    report = run_vectors(folder)
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        for line in vector_lines(report):
            click.echo(line)
    return ExitCode.FINDING if report["mismatched"] or not report["files"] else ExitCode.OK


def vector_lines(report: dict[str, Any]) -> list[str]:
    """Return the report for a person: a line for each file and each of its first mismatches."""
    lines = []
    for name, file in report["files"].items():
        lines.append(f"{name}: {file['rows']} rows, {file['matched']} matched, {file['mismatched']} mismatched")
        lines += [f"  row {row['row']}: {json.dumps(row['differences'])}" for row in file["first_mismatches"]]
    lines += [f"{name}: not vectors: {reason}" for name, reason in report["unknown"].items()]
    return [*lines, f"matched {report['matched']}, mismatched {report['mismatched']}"]


@click.command(epilog=EXIT_CODE_HELP)
@click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="Which market is made.")
@click.option(
    "--minutes", type=click.IntRange(2, 24 * 60), default=60, show_default=True, help="How long it is; two cases each."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def recall(*, seed: int, minutes: int, as_json: bool) -> ExitCode:
    """Measure how well real opportunities are told from false ones, in a market whose truth is known.

    Episodes of known kind are injected: capturable ones of known latency, and such that only look real. They go
    through the production protocol and engine. docs/recall.md says what real means, and what each kind is.

    \b
    Examples:
      arb recall
      arb recall --seed 2 --minutes 10 --json
    """
    from streaming_worker.operations.recall import is_good, run_recall

    report = run_recall(seed=seed, minutes=minutes)
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        for line in recall_lines(report):
            click.echo(line)
    return ExitCode.OK if is_good(report) else ExitCode.FINDING


def recall_lines(report: dict[str, Any]) -> list[str]:
    """Return the report for a person: a table by kind, what went wrong, and the whole."""
    lines = [f"{'kind':<14} {'injected':>8} {'right':>6} {'recall':>7} {'precision':>9} {'called real':>11}"]
    for kind, row in report["kinds"].items():
        recalled, precise = (_percent(row[name]) for name in ("recall", "precision"))
        counted = f"{row['injected']:>8} {row['right']:>6} {recalled:>7} {precise:>9} {row['called_real']:>11}"
        lines.append(f"{kind:<14} {counted}")
    lines += [f"wrong: {json.dumps(case)}" for case in report["wrong"]]
    overall = report["overall"]
    lines.append(
        f"real: {report['real']} of {report['injected']} injected; recall {_percent(overall['recall'])}, "
        f"precision {_percent(overall['precision'])}, right kind {_percent(overall['right_kind'])}"
    )
    return [*lines, f"events: {report['events']}, digest: {report['digest']}"]


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.1%}"


@click.command(epilog=EXIT_CODE_HELP)
@click.argument("part", type=click.Choice(PARTS))
@click.option("--input", "path", type=click.Path(path_type=Path), help="Recorded input, for the parts that need one.")
@click.option(
    "--minutes", type=click.IntRange(1, 60), help="sink only: this long under load, and what each rotation costs."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def bench(*, part: str, path: Path | None, minutes: int | None, as_json: bool) -> ExitCode:
    """Time one part on this machine: medians, with the work that was counted.

    \b
    decode      frames to events to a book, from a recorded capture (--input FILE)
    engine      the whole fold, over minutes of the synthetic market
    quote       exact pool quotes on a recorded pool (--input FOLDER)
    sink        durable commits at 20,000 rows a second, beside a plain DuckDB file
    end-to-end  frames of the synthetic market to a sealed segment on disk; at 1,000 a second, frame to decision

    \b
    Examples:
      arb bench engine
      arb bench sink --minutes 10
      arb bench decode --input recordings/coinbase.jsonl.gz --json
    """
    from streaming_worker.operations.bench import run_part

    report = run_part(part, path, os.environ, minutes=minutes)
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        for line in flat_lines(report):
            click.echo(line)
    return ExitCode.OK


def flat_lines(value: object, name: str = "") -> Iterator[str]:
    """Yield ``name.of.value: value`` for every leaf of a report."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from flat_lines(inner, f"{name}.{key}" if name else str(key))
        case list():
            for number, inner in enumerate(value):
                yield from flat_lines(inner, f"{name}[{number}]")
        case _:
            yield f"{name}: {value}"
