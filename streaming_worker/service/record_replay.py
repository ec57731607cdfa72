"""The record itself, sealed segments or lake hours, through the engine again: the proof that replay equals live.

A run starts from its first keyframe; every later keyframe must find the same digest, and every recorded output must
come out again. Nothing is repaired: where inputs are missing the run ends, and says so.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import duckdb

from streaming_worker.core.events import Event
from streaming_worker.core.outputs import Keyframe, Output
from streaming_worker.engine.engine import Engine
from streaming_worker.errors import StorageError
from streaming_worker.service.dirt import DirtCount
from streaming_worker.storage.inputs import read_events
from streaming_worker.storage.rows import TableRow, output_rows
from streaming_worker.storage.schema import TABLE, TABLES, Role
from streaming_worker.storage.versions import no_rows, whole_relations

RunKey: TypeAlias = tuple[str, str]
"""(worker, run_id)"""
_OUTPUTS: Final = tuple(table for table in TABLES if table.role is Role.OUTPUT and table.name != "keyframes")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of one run that can be queried; ``relation_of`` gives a table's rows of this run."""

    run: RunKey
    connection: duckdb.DuckDBPyConnection
    relation_of: Callable[[str], str]

    def keyframes(self) -> dict[int, tuple[str, bytes]]:
        """Return (digest, state) by the event count before them."""
        sql = f"SELECT seq, digest, state FROM {self.relation_of('keyframes')} ORDER BY seq"  # noqa: S608 - our own names
        return {seq: (digest, bytes(state)) for seq, digest, state in _rows(self.connection, sql)}

    def tables(self) -> frozenset[str]:
        """Return the output tables that the version which recorded this run already had."""
        versions = _rows(self.connection, f"SELECT min(schema_version) FROM {self.relation_of('worker_runs')}")  # noqa: S608 - as above
        version = versions[0][0] or 1
        return frozenset(table.name for table in _OUTPUTS if table.since <= version)

    def outputs(self, *, after_seq: int, until_seq: int) -> Counter[TableRow]:
        """Return the recorded rows of outputs in a range of seq."""
        tables = sorted(self.tables())
        return Counter((table, row) for table in tables for row in self._range(table, after_seq, until_seq))

    def _range(self, table: str, after_seq: int, until_seq: int) -> list[tuple[Any, ...]]:
        columns = ", ".join(TABLE[table].column_names)
        where = f"seq > {after_seq} AND seq <= {until_seq}"
        return _rows(self.connection, f"SELECT {columns} FROM {self.relation_of(table)} WHERE {where}")  # noqa: S608 - as above


class RunReplay:
    """One run as far as it is recorded, stretch by stretch."""

    def __init__(self, run: RunKey) -> None:
        self.run = run
        self.engine: Engine | None = None
        self.dirt = DirtCount()
        self.first_seq = 0
        self.events = 0
        self.keyframes = 0
        self.keyframes_equal = 0
        self.outputs = 0
        self.missing: Counter[TableRow] = Counter()
        self.unexpected: Counter[TableRow] = Counter()
        self.damage: str | None = None

    def take(self, stretch: Stretch) -> None:
        """Replay one more part of the run; after damage nothing more can be said."""
        if self.damage is not None:
            return
        try:
            self._take(stretch)
        except StorageError as e:
            self.damage = str(e)

    @property
    def digest(self) -> str:
        """The engine's digest; empty where there was no keyframe to start from."""
        return "" if self.engine is None else self.engine.digest()

    @property
    def is_equal(self) -> bool:
        """Whether the whole run was replayed and gave exactly what is recorded."""
        is_whole = self.engine is not None and self.damage is None
        return is_whole and self.keyframes == self.keyframes_equal and not self.missing and not self.unexpected

    def _take(self, stretch: Stretch) -> None:
        keyframes = stretch.keyframes()
        engine = self.engine if self.engine is not None else self._resume(keyframes)
        if engine is None:
            return
        start = engine.event_count
        replayed: Counter[TableRow] = Counter()
        self._compare_keyframe(engine, keyframes)
        try:
            for seq, event in read_events(stretch.connection, stretch.relation_of, after_seq=start):
                if seq != engine.event_count + 1:
                    raise StorageError(f"expected event {engine.event_count + 1}, the record goes on at {seq}")
                replayed.update(self._process(engine, event))
                self._compare_keyframe(engine, keyframes)
        finally:
            tables = stretch.tables()
            replayed = Counter({row: count for row, count in replayed.items() if row[0] in tables})
            recorded = stretch.outputs(after_seq=start, until_seq=engine.event_count)
            self.missing += recorded - replayed
            self.unexpected += replayed - recorded

    def _resume(self, keyframes: dict[int, tuple[str, bytes]]) -> Engine | None:
        if not keyframes:
            return None
        self.first_seq = min(keyframes)
        self.engine = Engine.resume(keyframes[self.first_seq][1])
        return self.engine

    def _process(self, engine: Engine, event: Event) -> Iterator[TableRow]:
        outputs: list[Output] = [output for output in engine.process(event) if not isinstance(output, Keyframe)]
        self.events += 1
        self.outputs += len(outputs)
        self.dirt.observe(engine.event_count, event, outputs)
        for output in outputs:
            yield from output_rows(engine.event_count, output)

    def _compare_keyframe(self, engine: Engine, keyframes: dict[int, tuple[str, bytes]]) -> None:
        """Compare at each count that has a keyframe; two stretches meet at one, which is then counted once."""
        keyframe = keyframes.pop(engine.event_count, None)
        if keyframe is not None:
            self.keyframes += 1
            self.keyframes_equal += keyframe[0] == engine.state.chain_digest.hex()


@contextmanager
def open_segment(path: Path) -> Iterator[Stretch]:
    """Open one sealed segment. Raises StorageError."""
    with _memory() as connection:
        _rows(connection, f"ATTACH {_quoted(str(path))} AS segment (READ_ONLY)")
        runs = _rows(connection, "SELECT worker, run_id FROM segment.worker_runs")
        if len(runs) != 1:
            raise StorageError(f"expected one worker_runs row in {path.name}, received {len(runs)}", path=str(path))
        yield Stretch((runs[0][0], runs[0][1]), connection, whole_relations(connection, "segment").__getitem__)


@contextmanager
def open_lake(folder: Path) -> Iterator[list[Stretch]]:
    """Open a lake, one stretch a run. Raises StorageError."""
    with _memory() as connection:
        for table in TABLES:
            _create_view(connection, table.name, folder / table.name)
        runs = _rows(connection, "SELECT DISTINCT worker, run_id FROM keyframes ORDER BY worker, run_id")
        yield [_lake_stretch(connection, (worker, run_id)) for worker, run_id in runs]


def is_lake(folder: Path) -> bool:
    """Whether a folder is laid out as ``<table>/date=/hour=/*.parquet``."""
    return any(folder.glob("keyframes/date=*/hour=*/*.parquet"))


def _lake_stretch(connection: duckdb.DuckDBPyConnection, run: RunKey) -> Stretch:
    where = f"worker = {_quoted(run[0])} AND run_id = {_quoted(run[1])}"
    return Stretch(run, connection, lambda table: f"(FROM {table} WHERE {where})")


def _create_view(connection: duckdb.DuckDBPyConnection, table: str, folder: Path) -> None:
    """Make a table of the lake known by its name; one that never had a row is empty."""
    files = f"{folder}/date=*/hour=*/*.parquet"
    owner = "".join(
        f", NULL::VARCHAR AS {name}" for name in ("worker", "run_id") if name not in TABLE[table].column_names
    )
    empty = f"(SELECT *{owner} FROM {no_rows(table)})"  # noqa: S608 - our own names
    if not any(folder.glob("date=*/hour=*/*.parquet")):
        _rows(connection, f"CREATE VIEW {table} AS FROM {empty}")
        return
    source = f"read_parquet({_quoted(files)}, hive_partitioning = false, union_by_name = true)"
    _rows(connection, f"CREATE VIEW {table} AS FROM {empty} UNION ALL BY NAME FROM {source}")


@contextmanager
def _memory() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": "1"}) as connection:
        yield connection


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(sql).fetchall()
    except duckdb.Error as e:
        raise StorageError(f"cannot read the record: {e}") from e


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
