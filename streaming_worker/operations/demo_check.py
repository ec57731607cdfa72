"""Prove the whole system once, within a bound: start it on free ports and a fresh folder, look, stop it, report.

The proof looks from outside only: files on disk, Dagster's answers, the mail that arrived.
"""

import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.config import load_config
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.errors import OperationError
from streaming_worker.operations.graphql import AssetState, DagsterClient
from streaming_worker.operations.layout import Layout
from streaming_worker.operations.mailbox import read_mails
from streaming_worker.operations.ports import is_free, ports_from_base, ports_of
from streaming_worker.operations.readiness import missing_parts
from streaming_worker.operations.supervisor import running_pid, session_members
from streaming_worker.storage.schema import TABLES
from streaming_worker.storage.segments import list_segments

BOUND_S: Final = 300
_STOP_S: Final = 15
_POLL_S: Final = 2.0
# one closed hour proves every asset; the demo itself captures more, to have more to show
_HOURS: Final = "1"
_FIRST_PORT, _LAST_PORT, _PORT_STEP = 20_000, 60_000, 32


@dataclass(slots=True, kw_only=True)
class Proof:
    """What was seen; every part must hold for ``passed``. ``missing`` says in words what does not.

    ``assets_not_due`` have no partition yet, so that nothing can be asked of them: no week is over in an hour.
    """

    ready_seconds: float | None = None
    rows_captured: int = 0
    segments_sealed: int = 0
    assets_materialized: list[str] = field(default_factory=list)
    assets_missing: list[str] = field(default_factory=list)
    assets_not_due: list[str] = field(default_factory=list)
    checks_passed: int = 0
    checks_failed: list[str] = field(default_factory=list)
    runs: dict[str, int] = field(default_factory=dict)
    report: dict[str, Any] | None = None
    stop_seconds: float | None = None
    left_running: int = 0
    missing: list[str] = field(default_factory=list)
    seconds: float = 0.0
    folder: str | None = None

    @property
    def passed(self) -> bool:
        """Whether every part was seen."""
        return not self.missing

    def as_json(self) -> dict[str, Any]:
        """Return it with the verdict first."""
        return {"passed": self.passed, **asdict(self)}


class DemoCheck:
    """One run. ``say`` gets a line whenever something changes."""

    def __init__(self, environ: Mapping[str, str], say: Callable[[str], None], *, bound_seconds: int = BOUND_S) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="arb-check-"))
        self._environ = self._moved(environ)
        self._config = load_config(None, self._environ)
        self._layout = Layout(self._config)
        self._say = say
        self._clock = AnchoredClock()
        self._started_ns = self._clock.monotonic_ns()
        self._bound_ns = bound_seconds * NANOS_PER_SECOND
        self._pause = threading.Event()
        self._rows: dict[Path, int] = {}
        # The last result of each check: while its asset is being made anew, Dagster shows none.
        self._checks: dict[str, bool | None] = {}

    def run(self) -> Proof:
        """Start, look until everything is seen or the bound is reached, stop, and say what was seen."""
        proof = Proof()
        command = [sys.executable, "-m", "streaming_worker", "up", "--profile", "demo"]
        log = self._folder / "up.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, env=dict(self._environ), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
            try:
                self._until(process, "the platform is ready", lambda: self._is_ready(proof))
                self._until(process, "everything is seen", lambda: self._look(proof))
            finally:
                self._stop(process, proof)
        proof.missing += [line for line in missing_in(proof) if line not in proof.missing]
        if process.returncode not in (0, None):
            proof.missing.append(f"`arb up` ended with code {process.returncode}: {_last_line(log)}")
        proof.seconds = self._seconds()
        self._clean(proof)
        return proof

    def _moved(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Everything in our own folder, on ports that nobody listens on."""
        own = {name: value for name, value in environ.items() if not name.startswith("ARB_")}
        own |= {"ARB_PROFILE": "demo", "ARB_DATA_DIR": str(self._folder / "data"), "ARB_VENUES_HISTORY_HOURS": _HOURS}
        for base in range(_FIRST_PORT, _LAST_PORT, _PORT_STEP):
            candidate = own | ports_from_base(base)
            if all(is_free(use.host, use.port) for use in ports_of(load_config(None, candidate))):
                return candidate
        raise OperationError("no block of 32 free ports above 20000", hint="stop what listens there")

    def _seconds(self) -> float:
        return round((self._clock.monotonic_ns() - self._started_ns) / NANOS_PER_SECOND, 1)

    def _until(self, process: subprocess.Popen[bytes], what: str, seen: Callable[[], bool]) -> None:
        while process.poll() is None and self._clock.monotonic_ns() - self._started_ns < self._bound_ns:
            if seen():
                self._say(f"{self._seconds():5.0f} s: {what}")
                return
            self._pause.wait(_POLL_S)

    def _is_ready(self, proof: Proof) -> bool:
        if missing_parts(self._config):
            return False
        proof.ready_seconds = self._seconds()
        return True

    def _look(self, proof: Proof) -> bool:
        """Bring the proof up to date; true when nothing is missing."""
        before = _progress(proof)
        self._look_at_files(proof)
        with contextlib.suppress(OperationError):
            self._look_at_dagster(proof)
        proof.report = self._report()
        proof.missing = missing_in(proof)
        if _progress(proof) != before:
            self._say(f"{self._seconds():5.0f} s: {_progress(proof)}")
        return proof.passed

    def _look_at_files(self, proof: Proof) -> None:
        for segment in list_segments(self._config.paths.data_dir):
            if segment.path not in self._rows:
                with contextlib.suppress(duckdb.IOException):  # compacted and removed meanwhile
                    self._rows[segment.path] = _row_count(segment.path)
        proof.segments_sealed = len(self._rows)
        proof.rows_captured = sum(self._rows.values())

    def _look_at_dagster(self, proof: Proof) -> None:
        client = DagsterClient(self._config.dagster.host, self._config.dagster.port)
        found = [asset for asset in client.assets() if asset.is_materializable]
        assets = [asset for asset in found if asset.is_due]
        proof.assets_not_due = [asset.key for asset in found if not asset.is_due]
        proof.assets_materialized = [asset.key for asset in assets if asset.is_materialized]
        proof.assets_missing = [asset.key for asset in assets if not asset.is_materialized]
        self._checks |= {
            name: passed for name, passed in _results(assets) if passed is not None or name not in self._checks
        }
        proof.checks_passed = sum(passed is True for passed in self._checks.values())
        proof.checks_failed = [_shown(name, passed) for name, passed in self._checks.items() if passed is not True]
        proof.runs = client.runs()

    def _report(self) -> dict[str, Any] | None:
        mails = [mail for mail in read_mails(self._layout.mail) if mail.is_report]
        if not mails:
            return None
        return asdict(mails[-1])

    def _stop(self, process: subprocess.Popen[bytes], proof: Proof) -> None:
        started_ns = self._clock.monotonic_ns()
        supervisor = running_pid(self._layout)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                proof.missing.append(f"`arb up` did not end within {_STOP_S} s")
        proof.stop_seconds = round((self._clock.monotonic_ns() - started_ns) / NANOS_PER_SECOND, 1)
        left = () if supervisor is None else session_members(supervisor)
        proof.left_running = len(left)
        if left:
            proof.missing.append(f"processes left running: {', '.join(map(str, left))}")

    def _clean(self, proof: Proof) -> None:
        if proof.passed:
            shutil.rmtree(self._folder)
        else:
            proof.folder = str(self._folder)


def _progress(proof: Proof) -> str:
    """Return where things stand in one short line."""
    assets = len(proof.assets_materialized)
    wanted = assets + len(proof.assets_missing)
    checks = proof.checks_passed + len(proof.checks_failed)
    report = "report sent" if proof.report is not None else "no report yet"
    return f"{assets} of {wanted} assets materialised, {proof.checks_passed} of {checks} checks passed, {report}"


def missing_in(proof: Proof) -> list[str]:
    """Say in words which parts of a proof do not hold."""
    parts = (
        (proof.ready_seconds is not None, "the platform did not become ready"),
        (proof.rows_captured > 0, "no rows captured"),
        (proof.segments_sealed > 0, "no segment sealed"),
        (bool(proof.assets_materialized), "no asset materialised"),
        (not proof.assets_missing, f"assets not materialised: {', '.join(proof.assets_missing)}"),
        (proof.checks_passed > 0, "no asset check passed"),
        (not proof.checks_failed, f"asset checks not passed: {', '.join(proof.checks_failed)}"),
        (proof.report is not None, "no report with a filled table arrived by mail"),
    )
    return [text for holds, text in parts if not holds]


def _results(assets: Iterable[AssetState]) -> Iterator[tuple[str, bool | None]]:
    for asset in assets:
        for check in asset.checks:
            yield f"{asset.key}:{check.name}", check.passed


def _shown(name: str, passed: bool | None) -> str:
    return f"{name} (has not run)" if passed is None else name


def _row_count(segment: Path) -> int:
    counts = " UNION ALL ".join(f"SELECT count(*) AS n FROM {table.name}" for table in TABLES)  # noqa: S608 - our own names
    with duckdb.connect(str(segment), read_only=True, config={"threads": "1"}) as connection:
        return int(connection.execute(f"SELECT sum(n) FROM ({counts})").fetchall()[0][0])  # noqa: S608 - as above


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "no output")
