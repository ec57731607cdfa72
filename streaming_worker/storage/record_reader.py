"""One view of the whole record: sealed segments, the lake, and the published file, each row exactly once.

The lake's manifest says where a row is read. Segments are listed first and the manifest is read after that: a segment
that is compacted in between is then read from the lake only, one that is compacted later from its own file only, and
one that was compacted and removed in between makes us look again. Nothing of this locks or delays the writers.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from streaming_worker.core.units import NANOS_PER_HOUR, Nanos
from streaming_worker.errors import StorageError
from streaming_worker.storage.inputs import Numbered
from streaming_worker.storage.lake_audit import damage_in
from streaming_worker.storage.manifest import LakeFile, Manifest, hour_start_ns, read_manifest
from streaming_worker.storage.reader import SegmentReader, as_polars
from streaming_worker.storage.schema import TABLE
from streaming_worker.storage.segment_copies import SegmentCopies
from streaming_worker.storage.segments import SegmentInfo, list_segments, subfolders

if TYPE_CHECKING:
    import polars as pl

PUBLISHED: Final = "published"
_LOOKS: Final = 20
_WRONG_QUERY: Final = re.compile(r"(Binder|Catalog|Parser) Error")
_HOURS: Final = "date=*/hour=*/*.parquet"
_Result = TypeVar("_Result")


class RecordReader:
    """Queries over everything that was recorded in ``[from_ns, to_ns)``, as of when it was opened.

    Every table of the record is there by its name, with ``worker`` and ``run_id``, and so is every table that the
    pipeline derives by the hour; the published file's tables are ``published.<name>``, where it exists. ``rows``,
    ``arrow`` and ``polars`` look again, at the newest state, where a file that they need was removed meanwhile
    (retention). Made by ``open_record``. With ``copies`` it opens in no time, and answers over what is copied there.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        from_ns: Nanos | None,
        to_ns: Nanos | None,
        worker: str | None,
        copies: SegmentCopies | None = None,
        has_published: bool = True,
    ) -> None:
        self._data_dir = data_dir
        self._wants_published = has_published
        self._copies = copies
        self._from_ns = from_ns
        self._to_ns = to_ns
        self._worker = worker
        self._lake = data_dir / "lake"
        self._published = data_dir / PUBLISHED / "arb.duckdb"
        self.has_published = False
        self._files: list[LakeFile] = []
        self._runs: list[str] = []
        self._reader = self._open()

    def arrow(self, sql: str) -> Any:
        """Return a query's result as a pyarrow table. Raises StorageError."""
        return self._answer(lambda reader: reader.arrow(sql), sql)

    def polars(self, sql: str) -> "pl.DataFrame":
        """Return a query's result as a Polars frame. Raises StorageError."""
        return as_polars(self.arrow(sql))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return a query's result as Python rows. Raises StorageError."""
        return self._answer(lambda reader: reader.query(sql).fetchall(), sql)

    def run_ids(self) -> list[str]:
        """Return the runs that have rows, oldest first within each worker."""
        return list(self._runs)

    def events(self, run_id: str, *, after_seq: int = 0) -> Iterator[Numbered]:
        """Yield the inputs of one run in order. Raises StorageError."""
        return self._reader.merged_events(run_id, after_seq=after_seq)

    def interrupt(self) -> None:
        """End the query that runs in another thread; there it raises StorageError."""
        self._reader.interrupt()

    def close(self) -> None:
        """Close every file."""
        self._reader.close()

    def _answer(self, ask: Callable[[SegmentReader], _Result], sql: str) -> _Result:
        for _ in range(_LOOKS):
            try:
                self._add_derived(sql)
                return ask(self._reader)
            except StorageError as e:
                if all((self._lake / file.path).exists() for file in self._files):
                    raise self._explained(e) from e
            self._reader.close()
            self._reader = self._open()
        return ask(self._reader)

    def _explained(self, error: StorageError) -> StorageError:
        """Name the damaged file: DuckDB often says only that something in one of many cannot be right."""
        damage = None if _WRONG_QUERY.search(str(error)) else damage_in(self._lake, self._files)
        if damage is None:
            return error
        path, problem = damage
        return StorageError(f"cannot read {path}: {problem}", path=str(path))

    def _open(self) -> SegmentReader:
        """Look until a listing of segments and the manifest fit together; files go away only a few at a time."""
        for _ in range(_LOOKS):
            reader = self._look()
            if reader is not None:
                return reader
        raise StorageError("the record changes faster than it can be opened", path=str(self._data_dir))

    def _look(self) -> SegmentReader | None:
        # All are listed only where copies of them are kept: those of segments that are gone go too.
        there = list_segments(self._data_dir, None if self._copies is not None else self._worker)
        infos = [info for info in there if self._worker in (None, info.worker)]
        manifest = read_manifest(self._lake)
        own = [info for info in infos if not manifest.knows(info.worker, info.path) and self._is_recent(info)]
        files = [file for file in manifest.files if self._wants(file)]
        lake_files = _by_table(self._lake, files)
        reader = SegmentReader(from_ns=self._from_ns, to_ns=self._to_ns, lake_files=lake_files, copies=self._copies)
        if self._copies is not None:
            self._copies.forget_others({info.path for info in there})
        try:
            for info in own:
                reader.attach(info.path)
            has_published = self._wants_published and self._published.exists()
            if has_published:
                reader.attach_database(self._published, PUBLISHED)
        except BaseException as e:
            reader.close()
            if isinstance(e, StorageError) and e.path is not None and not Path(e.path).exists():
                return None
            raise
        self.has_published = has_published
        self._files = files
        self._runs = _runs(manifest, files, reader)
        return reader

    def _is_recent(self, info: SegmentInfo) -> bool:
        return self._from_ns is None or info.newest_ns >= self._from_ns

    def _wants(self, file: LakeFile) -> bool:
        return file.may_hold(self._from_ns, self._to_ns) and self._worker in (None, file.worker)

    def _add_derived(self, sql: str) -> None:
        """Make a view for each table of the pipeline's own that the query names, over the hours of the range."""
        for folder in subfolders(self._lake):
            if folder.name not in TABLE and re.search(rf"\b{folder.name}\b", sql):
                files = [path for path in sorted(folder.glob(_HOURS)) if self._is_in_range(path)]
                self._reader.add_view(folder.name, files, worker=self._worker)

    def _is_in_range(self, path: Path) -> bool:
        """The folder names the hour; the empty file of 1970 gives the columns where no hour has rows."""
        start_ns = hour_start_ns(path)
        is_early = self._from_ns is not None and start_ns + NANOS_PER_HOUR <= self._from_ns
        is_late = self._to_ns is not None and start_ns >= self._to_ns
        return start_ns == 0 or not (is_early or is_late)


def _by_table(lake: Path, files: Iterable[LakeFile]) -> dict[str, list[Path]]:
    by_table: dict[str, list[Path]] = {}
    for file in files:
        by_table.setdefault(file.table, []).append(lake / file.path)
    return by_table


def _runs(manifest: Manifest, files: Iterable[LakeFile], reader: SegmentReader) -> list[str]:
    in_range = {file.run_id for file in files}
    found = [(s.worker, s.name, s.run_id) for s in manifest.segments if s.is_compacted and s.run_id in in_range]
    found += [(segment.worker, segment.path.stem, segment.run_id) for segment in reader.segments]
    return list(dict.fromkeys(run_id for _, _, run_id in sorted(found)))


@contextmanager
def open_record(
    data_dir: Path,
    *,
    from_ns: Nanos | None = None,
    to_ns: Nanos | None = None,
    worker: str | None = None,
    has_published: bool = True,
) -> Iterator[RecordReader]:
    """Open what was recorded in ``[from_ns, to_ns)``, of one worker or of all; without the published file on request.

    Raises StorageError.
    """
    reader = RecordReader(data_dir, from_ns=from_ns, to_ns=to_ns, worker=worker, has_published=has_published)
    try:
        yield reader
    finally:
        reader.close()
