"""Hold the lake's files against its manifest: what is missing, changed or too many, and how much of what there is."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Final

import pyarrow as pa
from pyarrow import parquet

from streaming_worker.core.units import Nanos
from streaming_worker.errors import StorageError
from streaming_worker.storage.manifest import LakeFile, Manifest, hour_start_ns, read_manifest
from streaming_worker.storage.schema import TABLES
from streaming_worker.storage.segments import list_segments

_PLACEHOLDER: Final = "empty-"


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeAudit:
    """What a look at every file found; ``findings`` has one line for each thing that is wrong."""

    files: int
    rows: int
    bytes: int
    findings: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStats:
    """One table of the lake. Units: ns UTC; ``first_hour_ns`` and ``last_hour_ns`` are starts of hours."""

    table: str
    files: int
    rows: int
    bytes: int
    first_hour_ns: Nanos
    last_hour_ns: Nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeStats:
    """The whole lake, and what of the segments is in it."""

    tables: list[TableStats]
    segments_compacted: int
    segments_refused: int
    segments_waiting: int
    segment_bytes: int


def audit_lake(
    data_dir: Path, *, has_hashes: bool = True, progress: Callable[[str, int, int], None] = lambda *_: None
) -> LakeAudit:
    """Look at every file that the manifest names, and for files that it does not name. Raises StorageError."""
    lake = data_dir / "lake"
    manifest = read_manifest(lake)
    findings = []
    for number, file in enumerate(manifest.files, start=1):
        progress("lake files", number, len(manifest.files))
        findings += [f"{file.path}: {problem}" for problem in _problems(lake, file, has_hashes=has_hashes)]
    findings += [f"{path}: the manifest does not name it" for path in _unnamed(lake, manifest)]
    findings += _surplus(manifest)
    findings += [
        f"segment {segment.worker}/{segment.name}: refused by the compaction"
        for segment in manifest.segments
        if not segment.is_compacted
    ]
    return LakeAudit(
        files=len(manifest.files),
        rows=sum(file.row_count for file in manifest.files),
        bytes=sum(file.size for file in manifest.files),
        findings=findings,
    )


def damage_in(lake: Path, files: Iterable[LakeFile]) -> tuple[Path, str] | None:
    """Return the first of these files that is not as the manifest says, and how, without reading all of it."""
    found = ((lake / file.path, problem) for file in files for problem in _problems(lake, file, has_hashes=False))
    return next(found, None)


def lake_stats(data_dir: Path) -> LakeStats:
    """Add up the manifest. Raises StorageError."""
    manifest = read_manifest(data_dir / "lake")
    by_table: dict[str, list[LakeFile]] = {}
    for file in manifest.files:
        by_table.setdefault(file.table, []).append(file)
    sealed = list_segments(data_dir)
    return LakeStats(
        tables=[_stats(table, files) for table, files in sorted(by_table.items())],
        segments_compacted=sum(segment.is_compacted for segment in manifest.segments),
        segments_refused=sum(not segment.is_compacted for segment in manifest.segments),
        segments_waiting=sum(not manifest.knows(info.worker, info.path) for info in sealed),
        segment_bytes=sum(_size(info.path) for info in sealed),
    )


def _stats(table: str, files: list[LakeFile]) -> TableStats:
    hours = [file.hour_ns for file in files]
    return TableStats(
        table=table,
        files=len(files),
        rows=sum(file.row_count for file in files),
        bytes=sum(file.size for file in files),
        first_hour_ns=min(hours),
        last_hour_ns=max(hours),
    )


def _problems(lake: Path, file: LakeFile, *, has_hashes: bool) -> Iterator[str]:
    path = lake / file.path
    size = _size(path)
    if not path.is_file():
        yield "is missing"
    elif size != file.size:
        yield f"expected {file.size} bytes, found {size}"
    elif has_hashes and (digest := _sha256(path)) != file.sha256:
        yield f"expected sha256 {file.sha256[:16]}, found {digest[:16]}"
    else:
        yield from _contradictions(path, file)


def _contradictions(path: Path, file: LakeFile) -> Iterator[str]:
    try:
        rows = parquet.read_metadata(path).num_rows
        if rows != file.row_count:
            yield f"expected {file.row_count} rows, found {rows}"
        if hour_start_ns(path) != file.hour_ns:
            yield "stands in the folder of another hour"
    except (pa.ArrowException, OSError) as e:
        yield f"cannot be read as Parquet: {e}"
    except StorageError as e:
        yield str(e)


def _unnamed(lake: Path, manifest: Manifest) -> Iterator[str]:
    named = {file.path for file in manifest.files}
    for table in TABLES:
        for path in sorted((lake / table.name).glob("*/*/*")):
            relative = str(path.relative_to(lake))
            if relative not in named and not path.name.startswith(_PLACEHOLDER):
                yield relative


def _surplus(manifest: Manifest) -> Iterator[str]:
    """A run can have fewer rows in its files than went in, when old hours were deleted, but never more."""
    went_in: dict[tuple[str, str], int] = {}
    for segment in manifest.segments:
        if segment.is_compacted:
            key = (segment.worker, segment.run_id)
            went_in[key] = went_in.get(key, 0) + segment.row_count
    there = _rows_by_run(manifest.files)
    for (worker, run_id), rows in sorted(there.items()):
        if rows > went_in.get((worker, run_id), 0):
            yield f"run {run_id}: {rows} rows in the lake, {went_in.get((worker, run_id), 0)} went in"


def _rows_by_run(files: Iterable[LakeFile]) -> dict[tuple[str, str], int]:
    rows: dict[tuple[str, str], int] = {}
    for file in files:
        rows[file.worker, file.run_id] = rows.get((file.worker, file.run_id), 0) + file.row_count
    return rows


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # gone meanwhile: it is in the lake, or about to be missed by name
        return 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
