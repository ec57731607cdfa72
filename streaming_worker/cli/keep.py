"""Commands that keep the record safe: back it up while everything runs, and bring it back."""

import json
import os
from pathlib import Path

import click
import msgspec

from streaming_worker.cli.exit_codes import EXIT_CODE_HELP, ExitCode
from streaming_worker.cli.with_config import Loaded, with_config
from streaming_worker.config.settings import FILE_ENV


@click.command(epilog=EXIT_CODE_HELP)
@with_config
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--keep", type=click.IntRange(1), help="Let go of all but this many of the newest backups.")
@click.option("--verify", is_flag=True, help="Read the whole backup back afterwards and compare every hash.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def backup(*, loaded: Loaded, folder: Path, keep: int | None, verify: bool, as_json: bool) -> ExitCode:
    """Back the record up into FOLDER: sealed segments, lake, published file, reports, state and settings.

    Nothing has to be stopped. Only what changed since the last backup there is copied. What the worker is writing at
    the moment is not part of it: that is sealed within seconds and in the next one.

    \b
    Examples:
      arb backup backups
      arb backup backups --keep 14 --verify
    """
    from streaming_worker.adapters.clock import AnchoredClock
    from streaming_worker.cli.progress import steps
    from streaming_worker.storage.backup import back_up
    from streaming_worker.storage.backup_store import BackupStore

    store = BackupStore(folder.absolute())
    file = loaded.environ.get(FILE_ENV)
    with steps() as step:
        report = back_up(
            store,
            loaded.config.paths.data_dir,
            now_ns=AnchoredClock().now_ns(),
            configuration=Path(file) if file else None,
            keep=keep,
            progress=step,
        )
        findings = store.verify(report.name, step) if verify else []
    if as_json:
        click.echo(json.dumps({**msgspec.structs.asdict(report), "findings": findings}, indent=2))
    else:
        for finding in findings:
            click.echo(finding)
        click.echo(f"backup {report.name}: {report.files} files, {report.bytes} bytes, digest {report.digest[:16]}")
        click.echo(f"new: {report.new_files} files, {report.new_bytes} bytes")
        for name in report.removed_backups:
            click.echo(f"removed backup {name}")
    return ExitCode.FINDING if findings else ExitCode.OK


@click.command(epilog=EXIT_CODE_HELP)
@with_config
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--at", "name", help="Name of the backup; the newest where left out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def restore(*, loaded: Loaded, folder: Path, name: str | None, as_json: bool) -> ExitCode:
    """Bring the record back from FOLDER into the data folder, which must be empty or not there.

    Every file is compared with its hash; the data folder appears whole or not at all.

    \b
    Examples:
      arb restore backups --data-dir restored
      arb restore backups --at 20260131T120000Z
    """
    from streaming_worker.cli.progress import steps
    from streaming_worker.errors import StorageError
    from streaming_worker.storage.backup_store import BackupStore
    from streaming_worker.storage.restore import restore as bring_back

    store = BackupStore(folder.absolute())
    names = store.names()
    if not names:
        raise StorageError(f"there is no backup in {folder}", path=os.fspath(folder))
    chosen = name or names[-1]
    with steps() as step:
        found = bring_back(store, chosen, loaded.config.paths.data_dir, progress=step)
    if as_json:
        facts = {"name": chosen, "digest": found.digest, "files": len(found.files)}
        click.echo(json.dumps({**facts, "data_dir": str(loaded.config.paths.data_dir)}, indent=2))
    else:
        click.echo(f"restored {chosen}: {len(found.files)} files, digest {found.digest[:16]}")
        click.echo(f"into {loaded.config.paths.data_dir}")
    return ExitCode.OK
