"""Commands over the lake: is every file as the manifest says, what is there, how much of it."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click

from streaming_worker.cli.exit_codes import EXIT_CODE_HELP, ExitCode
from streaming_worker.cli.with_config import Loaded, with_config
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos


@click.group(epilog=EXIT_CODE_HELP)
def lake() -> None:
    """Examine the lake: the Parquet hours that sealed segments became, against their manifest.

    \b
    Examples:
      arb lake verify
      arb lake ls --table book_updates
      arb lake stats --json
      arb lake retention
    """


@lake.command(epilog=EXIT_CODE_HELP)
@with_config
@click.option("--quick", is_flag=True, help="Compare sizes and row counts only, not the content's hashes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def verify(*, loaded: Loaded, quick: bool, as_json: bool) -> ExitCode:
    """Compare every file with the manifest: size, hash, rows and hour; exit 1 when anything is not as it says.

    \b
    Examples:
      arb lake verify
      arb lake verify --quick --json
    """
    from streaming_worker.cli.progress import steps
    from streaming_worker.storage.lake_audit import audit_lake

    with steps() as step:
        audit = audit_lake(loaded.config.paths.data_dir, has_hashes=not quick, progress=step)
    if as_json:
        click.echo(json.dumps(asdict(audit), indent=2))
    else:
        for finding in audit.findings:
            click.echo(finding)
        verdict = f"{len(audit.findings)} findings" if audit.findings else "all as the manifest says"
        click.echo(f"{audit.files} files, {audit.rows} rows, {audit.bytes} bytes: {verdict}")
    return ExitCode.FINDING if audit.findings else ExitCode.OK


@lake.command(epilog=EXIT_CODE_HELP)
@with_config
@click.option("--table", help="Only this table.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def ls(*, loaded: Loaded, table: str | None, as_json: bool) -> ExitCode:
    """List the files that the manifest names: table, hour, worker, run, rows, bytes.

    \b
    Examples:
      arb lake ls
      arb lake ls --table gaps --json
    """
    from streaming_worker.storage.manifest import read_manifest

    files = [file for file in read_manifest(loaded.config.paths.lake).files if table in (None, file.table)]
    if as_json:
        click.echo(json.dumps({"files": [asdict(file) for file in files]}, indent=2))
    else:
        for file in files:
            facts = (file.table, _hour(file.hour_ns), file.worker, file.run_id, file.row_count, file.size)
            click.echo("  ".join(str(fact) for fact in facts))
    return ExitCode.OK


@lake.command(epilog=EXIT_CODE_HELP)
@with_config
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def stats(*, loaded: Loaded, as_json: bool) -> ExitCode:
    """Add up the lake by table, and say what of the sealed segments is in it.

    \b
    Examples:
      arb lake stats
      arb lake stats --json
    """
    from streaming_worker.storage.lake_audit import lake_stats

    found = lake_stats(loaded.config.paths.data_dir)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return ExitCode.OK
    click.echo(f"{'table':24}{'files':>8}{'rows':>14}{'bytes':>14}{'bytes/row':>11}  first hour        last hour")
    for table in found.tables:
        each = f"{table.bytes / table.rows:.1f}" if table.rows else ""
        hours = f"{_hour(table.first_hour_ns)}  {_hour(table.last_hour_ns)}"
        click.echo(f"{table.table:24}{table.files:>8}{table.rows:>14}{table.bytes:>14}{each:>11}  {hours}")
    click.echo(
        f"segments: {found.segments_compacted} in the lake, {found.segments_refused} refused, "
        f"{found.segments_waiting} waiting; {found.segment_bytes} bytes on the disk"
    )
    return ExitCode.OK


@lake.command(epilog=EXIT_CODE_HELP)
@with_config
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def retention(*, loaded: Loaded, as_json: bool) -> ExitCode:
    """Show what would go now by the settings retention.days and retention.segment_hours; delete nothing.

    The pipeline deletes it, within the hour.

    \b
    Examples:
      arb lake retention
      arb lake retention --json
    """
    from streaming_worker.adapters.clock import AnchoredClock
    from streaming_worker.storage.disk import MEGABYTE, free_bytes, shortfall
    from streaming_worker.storage.expiry import expired
    from streaming_worker.storage.retention import rules_of

    config = loaded.config
    data_dir = config.paths.data_dir
    rules = rules_of(config.retention.segment_hours, config.retention.days)
    wanted = shortfall(free_bytes(data_dir), config.disk.raw_frames_free_mb * MEGABYTE)
    found = expired(data_dir, rules, now_ns=AnchoredClock().now_ns(), room_wanted=wanted)
    size = sum(removal.size for removal in found)
    if as_json:
        click.echo(json.dumps({"bytes": size, "removals": [asdict(removal) for removal in found]}, indent=2))
        return ExitCode.OK
    for removal in found:
        click.echo(f"{removal.kind.value}  {removal.path}  {removal.size} bytes: {removal.reason}")
    click.echo(f"{len(found)} would go, {size} bytes" if found else "nothing would go")
    return ExitCode.OK


def _hour(hour_ns: Nanos) -> str:
    return datetime.fromtimestamp(hour_ns // NANOS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M")
