"""What a data folder keeps, held against the rules: the list of what would go. Never deletes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_SECOND, Nanos
from streaming_worker.errors import StorageError
from streaming_worker.storage.manifest import Manifest, hour_start_ns, read_manifest
from streaming_worker.storage.retention import KeepRules, KeptFile, KeptReport, KeptSegment, Removal, plan
from streaming_worker.storage.schema import TABLE
from streaming_worker.storage.segments import list_segments, subfolders

_DERIVED: Final = "date=*/hour=*/hour.parquet"


def expired(data_dir: Path, rules: KeepRules, *, now_ns: Nanos, room_wanted: int = 0) -> list[Removal]:
    """Return what of a data folder may go by the rules, oldest first. Raises StorageError."""
    manifest = read_manifest(data_dir / "lake")
    return plan(
        _segments(data_dir, manifest),
        _lake_files(data_dir / "lake", manifest),
        rules,
        now_ns=now_ns,
        reports=_reports(data_dir / "reports"),
        room_wanted=room_wanted,
    )


def _segments(data_dir: Path, manifest: Manifest) -> Iterator[KeptSegment]:
    compacted = {(s.worker, s.name): s.recorded_ns for s in manifest.segments if s.is_compacted}
    for info in list_segments(data_dir):
        yield KeptSegment(
            worker=info.worker,
            name=info.path.stem,
            size=_size(info.path),
            compacted_ns=compacted.get((info.worker, info.path.stem)),
        )


def _lake_files(lake: Path, manifest: Manifest) -> Iterator[KeptFile]:
    """What the manifest names, and the pipeline's own tables, which it does not."""
    for file in manifest.files:
        yield KeptFile(path=file.path, table=file.table, hour_ns=file.hour_ns, size=file.size)
    for folder in subfolders(lake):
        if folder.name not in TABLE:
            for path in folder.glob(_DERIVED):
                relative = path.relative_to(lake).as_posix()
                yield KeptFile(path=relative, table=folder.name, hour_ns=hour_start_ns(path), size=_size(path))


def _reports(folder: Path) -> Iterator[KeptReport]:
    for path in sorted(subfolders(folder)):
        started_ns = _day_ns(path.name)
        if started_ns is not None:
            size = sum(_size(file) for file in path.rglob("*") if file.is_file())
            yield KeptReport(day=path.name, ended_ns=started_ns + NANOS_PER_DAY, size=size)


def _day_ns(name: str) -> Nanos | None:
    """Return the start of the day that a folder is named by; None for a folder that is not ours."""
    try:
        return round(datetime.strptime(name, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * NANOS_PER_SECOND
    except ValueError:
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # the compaction let go of it while we looked
        return 0
    except OSError as e:
        raise StorageError(f"cannot examine {path}: {e.strerror}", path=str(path)) from e
