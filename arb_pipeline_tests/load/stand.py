"""What is put under load: local venues, worker and API as programs of their own, with a key for each user."""

import contextlib
import math
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from arb_pipeline_tests.deploy.watchtower import answers, running, text_at, until
from arb_pipeline_tests.failure.worker_process import environment
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.api.database import Database, database_url
from streaming_worker.api.identity.api_keys import ApiKeys
from streaming_worker.api.identity.passwords import Passwords
from streaming_worker.api.identity.roles import Role, Scope
from streaming_worker.api.identity.users import Users
from streaming_worker.config import load_config

_DECISION = "arb_frame_to_decision_seconds"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Used:
    """What a process has used so far: CPU in seconds, memory now in MB."""

    cpu_s: float
    memory_mb: float


@dataclass(frozen=True)
class Stand:
    """The addresses and process ids of what runs."""

    environ: Mapping[str, str]
    folder: Path
    api: str
    worker: str
    pids: Mapping[str, int]

    def used(self) -> dict[str, Used]:
        """Return what each program has used."""
        return {name: used_by(pid) for name, pid in self.pids.items()}

    def decisions(self) -> dict[float, float]:
        """Return the cumulative counts of the worker's frame-to-decision histogram by upper bound in seconds."""
        families = text_string_to_metric_families(text_at(f"{self.worker}/metrics"))
        samples = [sample for family in families for sample in family.samples if sample.name == f"{_DECISION}_bucket"]
        return {float(sample.labels["le"]): sample.value for sample in samples}


@contextlib.contextmanager
def open_stand(folder: Path, users: int) -> Iterator[Stand]:
    """Run everything until the end of the block."""
    environ = environment(
        folder / "data", ARB_CAPTURE_ROTATE_SECONDS="15", ARB_API_TRUSTED_PROXIES="127.0.0.1/32", ARB_VENUES_SEED="11"
    )
    _write_keys(environ, folder / "keys.txt", users)
    program = [sys.executable, "-m", "streaming_worker"]
    api, worker = (f"http://127.0.0.1:{environ[name]}" for name in ("ARB_PORT_API", "ARB_PORT_GATEWAY"))
    with contextlib.ExitStack() as stack:

        def start(name: str, *options: str) -> int:
            process = running(folder / f"{name}.log", [*program, name, *options], env=dict(environ))
            return stack.enter_context(process).pid

        start("venues")
        pids = {"worker": start("worker", "--log-level", "WARNING"), "api": start("api", "--log-level", "WARNING")}
        until(lambda: answers(f"{worker}/ready"), "the worker is ready", bound_s=180)
        until(lambda: answers(f"{api}/api/v1/health/ready"), "the API is ready", bound_s=180)
        yield Stand(environ, folder, api, worker, pids)


def percentile_s(before: Mapping[float, float], after: Mapping[float, float], share: float) -> float | None:
    """Return what a share of the durations between two moments was below; None where nothing was counted.

    Taken as spread evenly within its bucket, as Prometheus does; beyond the last bound it is that bound.
    """
    counted = {bound: after[bound] - before.get(bound, 0) for bound in sorted(after)}
    wanted = counted[math.inf] * share
    if not wanted:
        return None
    lower, below = 0.0, 0.0
    for bound, count in counted.items():
        if count >= wanted:
            return lower if bound == math.inf else lower + (bound - lower) * (wanted - below) / (count - below)
        lower, below = bound, count
    raise AssertionError("the last bucket holds everything")


def _write_keys(environ: Mapping[str, str], path: Path, users: int) -> None:
    config = load_config(None, dict(environ))
    config.paths.state.mkdir(parents=True, exist_ok=True)
    database = Database(database_url(config.api.database_url, config.paths.state))
    clock = AnchoredClock()
    try:
        owner = Users(database, Passwords(), clock).create("load", "a long word for a test", Role.VIEWER)
        keys = ApiKeys(database, clock)
        values = [keys.create(owner.user_id, f"load {n}", frozenset({Scope.READ}), 1)[1] for n in range(users)]
    finally:
        database.close()
    path.write_text("\n".join(values), encoding="utf-8")


def used_by(pid: int) -> Used:
    """Return what a process has taken so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    status: dict[str, Any] = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    )
    return Used((int(fields[11]) + int(fields[12])) / _TICKS, int(status["VmRSS"].split()[0]) / 1000)
