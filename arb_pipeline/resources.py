"""What assets need from outside, passed in by Dagster: the warehouse, the lake, mail, the worker's health.

A connection is always closed, and no wait is unbounded.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import dagster as dg
import duckdb

from arb_pipeline.clock import now_ns
from arb_pipeline.lake.catalogue import Catalogue
from arb_pipeline.lake.inspection import Segment
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline.report.document import Links
from streaming_worker.alerts.mail import SmtpServer
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.errors import StorageError
from streaming_worker.storage.segments import list_segments, sealed_folder

_HOLDER = re.compile(r"held in (?P<program>\S+)(?: \(deleted\))? \(PID (?P<pid>\d+)\)")


class Warehouse(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic in its value, which is itself
    """The pipeline's own DuckDB file. One process at a time may open it, readers included."""

    path: str
    wait_seconds: float = 30.0

    @contextmanager
    def reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a read-only connection. Raises StorageError naming who holds the file when the wait is over."""
        yield from self._open(read_only=True)

    @contextmanager
    def writer(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a read-write connection. Raises StorageError naming who holds the file when the wait is over."""
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        yield from self._open(read_only=False)

    def _open(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._connected(read_only=read_only)
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()

    def _connected(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        deadline = now_ns() + int(self.wait_seconds * NANOS_PER_SECOND)
        delay = 0.05
        while True:
            try:
                return duckdb.connect(self.path, read_only=read_only)
            except duckdb.IOException as e:
                if "lock" not in str(e):
                    raise StorageError(f"cannot open {self.path}: {e}", path=self.path) from e
                if now_ns() >= deadline:
                    raise StorageError(
                        f"{self.path} is still held by {_holder(str(e))} after {self.wait_seconds:g} s", path=self.path
                    ) from e
            time.sleep(delay)
            delay = min(delay * 2, 1.0)


def _holder(message: str) -> str:
    found = _HOLDER.search(message)
    return f"process {found['pid']} ({found['program']})" if found else "another process"


class Lake(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic in its value, which is itself
    """The Parquet hours and their manifest."""

    root: str

    @property
    def layout(self) -> LakeLayout:
        """Return the paths."""
        return LakeLayout(Path(self.root))

    @property
    def catalogue(self) -> Catalogue:
        """Return the manifest."""
        return Catalogue(self.layout.catalogue)


class Segments(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic in its value, which is itself
    """Sealed files of every worker; live files are never looked at."""

    data_dir: str
    keep_hours: int = 72

    def listed(self) -> list[Segment]:
        """Return every sealed segment in the order of sealing within each worker."""
        return [Segment(info.worker, info.path) for info in list_segments(Path(self.data_dir))]

    def path(self, worker: str, name: str) -> Path:
        """Return where a segment is."""
        return sealed_folder(Path(self.data_dir), worker) / f"{name}.duckdb"


class DbtFolders(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic in its value, which is itself
    """What dbt works on, and where it keeps what it compiles, so that the next run parses only what changed."""

    data_dir: str
    target: str


class Published(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic in its value, which is itself
    """The file that analysts open; replaced as a whole. The pages about data quality stand beside it."""

    path: str

    @property
    def pages(self) -> Path:
        """Return the folder of the pages about data quality."""
        return Path(self.path).parent / "quality"

    @contextmanager
    def reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a read-only connection."""
        connection = duckdb.connect(self.path, read_only=True)
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()


class Reports(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic in its value, which is itself
    """One folder a day: the report's files and the record of its deliveries; and where its links go."""

    root: str
    console_url: str
    dagster_url: str

    @property
    def links(self) -> Links:
        """Return where a reader goes on."""
        return Links(console=self.console_url, dagster=self.dagster_url)

    def folder(self, day: str) -> Path:
        """Return the folder of a day."""
        return Path(self.root) / day


class Mailer(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic in its value, which is itself
    """The way out for mail."""

    host: str
    port: int
    sender: str
    recipients: list[str]
    tls: str = "none"
    user: str | None = None
    password: str | None = None
    timeout_seconds: float = 20.0

    @property
    def server(self) -> SmtpServer:
        """Return the server to send through."""
        return SmtpServer(
            host=self.host,
            port=self.port,
            tls=self.tls,
            user=self.user,
            password=self.password,
            timeout_seconds=self.timeout_seconds,
        )


@dataclass(frozen=True, slots=True)
class RiskReading:
    """The risk state with its cause, and the simulated result of the UTC day so far."""

    state: str
    cause: str | None
    daily_net_usd: Decimal


@dataclass(frozen=True, slots=True)
class WorkerReading:
    """What one worker last said of itself. ``age_seconds`` is how long ago; ``why`` is empty when all is well.

    ``risk`` is None while the worker captures nothing.
    """

    worker: str
    status: str
    why: tuple[str, ...]
    age_seconds: float
    risk: RiskReading | None = None


class WorkerHealth(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic in its value, which is itself
    """Reads the small file that every worker rewrites each second."""

    state_dir: str

    def readings(self, *, now_ns: int) -> list[WorkerReading]:
        """Return one reading per worker that ever wrote its health; an unreadable file is a reading too."""
        return [_reading(path, now_ns) for path in sorted(Path(self.state_dir).glob("*-health.json"))]


def _reading(path: Path, now_ns: int) -> WorkerReading:
    worker = path.name.removesuffix("-health.json")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        age_seconds = (now_ns - int(content["at_ns"])) / NANOS_PER_SECOND
        why = tuple(str(line) for line in content["why"])
        return WorkerReading(worker, str(content["status"]), why, age_seconds, _risk(content.get("risk")))
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as e:
        return WorkerReading(worker, "down", (f"health file {path.name} cannot be read: {e!r}",), 0.0)


def _risk(content: Mapping[str, str | None] | None) -> RiskReading | None:
    if content is None:
        return None
    return RiskReading(str(content["state"]), content["cause"], Decimal(str(content["daily_net_usd"])))
