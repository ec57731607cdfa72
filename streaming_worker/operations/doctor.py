"""Is this machine ready? One line for each thing that has gone wrong before, then a plain verdict."""

import shutil
import socket
import ssl
import stat
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from packaging.requirements import Requirement

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.alerts.channel import check_url
from streaming_worker.alerts.quiet import quiet_hours
from streaming_worker.config import Config, FeedConfig
from streaming_worker.config.alert_settings import CHANNEL_URL_PREFIX
from streaming_worker.config.settings import variables
from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.errors import ConfigError, OperationError
from streaming_worker.operations.ports import holder_of, is_free, ports_of
from streaming_worker.operations.readiness import gateway_health

GIB: Final = 1024**3
_FREE_LEAST_GIB: Final = 1
_FREE_GOOD_GIB: Final = 10
_CONNECT_TIMEOUT_S: Final = 4.0
_CLOCK_WATCH_S: Final = 0.2
_CLOCK_TOLERANCE_MS: Final = 20
# the day this was written: a wall clock before it is wrong
_EARLIEST_WALL_NS: Final = 1_790_000_000 * NANOS_PER_SECOND
_FIRST_PYTHON, _LAST_PYTHON = (3, 11), (3, 13)
_TLS_PORT, _PLAIN_PORT = 443, 80


class Verdict(StrEnum):
    """How a finding weighs."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    subject: str
    verdict: Verdict
    detail: str


def examine(config: Config, environ: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return every finding, in the order in which they are shown. Takes a few seconds at most."""
    running = _is_running(config)
    return (
        Finding("configuration", Verdict.OK, f"profile {config.profile}, worker {config.worker.name}"),
        *_unknown_variables(environ),
        python(sys.version_info[:2]),
        packages(),
        commands(Path(sys.executable).parent),
        disk(config.paths.data_dir),
        data_folder(config.paths.data_dir),
        clock(),
        alert_channels(config),
        *_ports(config, running=running),
        *_endpoints(config, running=running),
    )


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Return the worst."""
    found = {finding.verdict for finding in findings}
    return next((verdict for verdict in (Verdict.FAILED, Verdict.WARNING) if verdict in found), Verdict.OK)


def python(running: tuple[int, ...]) -> Finding:
    """Judge the interpreter."""
    name = ".".join(map(str, running))
    if _FIRST_PYTHON <= running <= _LAST_PYTHON:
        return Finding("python", Verdict.OK, name)
    return Finding("python", Verdict.FAILED, f"{name}: expected 3.11 to 3.13")


def packages(installed: Callable[[str], str] = version) -> Finding:
    """Compare what is installed with what the project pins."""
    wanted = [Requirement(text) for text in distribution("arb-platform").requires or ()]
    needed = [requirement for requirement in wanted if requirement.marker is None or requirement.marker.evaluate()]
    wrong = [problem for requirement in needed if (problem := _problem(requirement, installed)) is not None]
    if wrong:
        return Finding("packages", Verdict.FAILED, f"{'; '.join(wrong)} (run `make install`)")
    shown = ", ".join(f"{key} {installed(key)}" for key in ("duckdb", "dagster", "dbt-core", "polars"))
    return Finding("packages", Verdict.OK, f"{len(needed)} as pinned: {shown}")


def _problem(requirement: Requirement, installed: Callable[[str], str]) -> str | None:
    try:
        found = installed(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is missing"
    if requirement.specifier.contains(found, prereleases=True):
        return None
    return f"{requirement.name} is {found}, expected {requirement.specifier}"


def commands(scripts: Path) -> Finding:
    """Look for the programs that `arb up` and dbt start."""
    missing = [
        name for name in ("dagster", "dagster-webserver", "dagster-daemon", "dbt") if not (scripts / name).exists()
    ]
    if missing:
        return Finding(
            "programs", Verdict.FAILED, f"not beside the interpreter: {', '.join(missing)} (run `make install`)"
        )
    return Finding("programs", Verdict.OK, f"in {scripts}")


class DiskUsage(Protocol):
    """What the system says of a disk, in bytes."""

    @property
    def free(self) -> int:
        """What can still be written."""
        ...


def disk(folder: Path, *, usage: Callable[[Path], DiskUsage] = shutil.disk_usage) -> Finding:
    """Judge the free space where the data goes."""
    free = usage(_existing(folder)).free / GIB
    verdict = Verdict.OK if free >= _FREE_GOOD_GIB else Verdict.WARNING if free >= _FREE_LEAST_GIB else Verdict.FAILED
    return Finding("disk", verdict, f"{free:.1f} GiB free for {folder}")


def data_folder(folder: Path) -> Finding:
    """Check that the data folder can be written and that not everyone can write to it."""
    existing = _existing(folder)
    try:
        with tempfile.NamedTemporaryFile(dir=existing):
            pass
    except OSError as e:
        return Finding("data folder", Verdict.FAILED, f"{existing} cannot be written: {e.strerror}")
    if folder.exists() and stat.S_IMODE(folder.stat().st_mode) & stat.S_IWOTH:
        return Finding("data folder", Verdict.WARNING, f"{folder} can be written by everyone (chmod o-w {folder})")
    return Finding("data folder", Verdict.OK, f"{folder}" if folder.exists() else f"{folder} will be made")


def clock() -> Finding:
    """Compare the wall clock with the monotonic one for a moment."""
    ours = AnchoredClock()
    if ours.now_ns() < _EARLIEST_WALL_NS:
        return Finding("clock", Verdict.FAILED, "the wall clock is years behind; set it")
    threading.Event().wait(_CLOCK_WATCH_S)
    drift_ms = ours.drift_ns() // NANOS_PER_MILLISECOND
    if abs(drift_ms) > _CLOCK_TOLERANCE_MS:
        return Finding("clock", Verdict.WARNING, f"the wall clock moved by {drift_ms} ms within {_CLOCK_WATCH_S} s")
    return Finding("clock", Verdict.OK, f"wall and monotonic clock agree within {abs(drift_ms)} ms")


def endpoint(subject: str, url: str) -> Finding:
    """Try to reach the host of a URL; TLS included where the URL has it. The URL itself is never shown."""
    parts = urlsplit(url)
    secure = parts.scheme in ("wss", "https")
    host, port = parts.hostname or "", parts.port or (_TLS_PORT if secure else _PLAIN_PORT)
    watch = AnchoredClock()
    started = watch.monotonic_ns()
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_TIMEOUT_S) as plain:
            if secure:
                ssl.create_default_context().wrap_socket(plain, server_hostname=host).close()
    except OSError as e:
        return Finding(subject, Verdict.FAILED, f"{host}:{port} cannot be reached: {_reason(e)}")
    taken = (watch.monotonic_ns() - started) // NANOS_PER_MILLISECOND
    return Finding(subject, Verdict.OK, f"{host}:{port} answers in {taken} ms")


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _is_running(config: Config) -> bool:
    try:
        gateway_health(config)
    except OperationError:
        return False
    return True


# Variables of the pipeline, and of alert channels, whose names are free.
_OF_OTHERS = ("ARB_PIPELINE_", "ARB_REPORT_", CHANNEL_URL_PREFIX)


def alert_channels(config: Config) -> Finding:
    """Judge whether alerts can be told: the settings make sense, and every address is one of a known service."""
    try:
        quiet_hours(config.alerts.quiet_hours, config.alerts.timezone)
        for channel in config.alerts.channels:
            if channel.url is not None:
                check_url(channel.name, channel.url)
    except ConfigError as e:
        return Finding("alerts", Verdict.FAILED, str(e))
    names = ", ".join(f"{channel.name} ({channel.kind})" for channel in config.alerts.channels)
    if not names:
        return Finding("alerts", Verdict.WARNING, "no channel: alerts are kept, and nobody is told")
    return Finding("alerts", Verdict.OK, f"told through {names}; `arb alerts test NAME` tries one out")


def _unknown_variables(environ: Mapping[str, str]) -> list[Finding]:
    known = variables()
    return [
        Finding("environment", Verdict.WARNING, f"{name} is set but means nothing here; see docs/CONFIGURATION.md")
        for name in sorted(environ)
        if name.startswith("ARB_") and not name.startswith(_OF_OTHERS) and name not in known
    ]


def _ports(config: Config, *, running: bool) -> list[Finding]:
    if running:
        return [Finding("ports", Verdict.OK, "the platform is running on them")]
    uses = ports_of(config)
    taken = [use for use in uses if not is_free(use.host, use.port)]
    if not taken:
        return [
            Finding("ports", Verdict.OK, f"{len(uses)} are free: {', '.join(sorted({use.purpose for use in uses}))}")
        ]
    return [
        Finding(
            "ports",
            Verdict.FAILED,
            f"{use.port} ({use.purpose}) is in use by {holder_of(use.port) or 'another process'}; "
            f"stop it or set {use.variable}",
        )
        for use in taken
    ]


def _endpoints(config: Config, *, running: bool) -> list[Finding]:
    if config.venues.enabled and not running:
        return [Finding("endpoints", Verdict.OK, "local venues, started by `arb up`")]
    targets = [target for feed in config.feeds for target in _urls(feed)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda target: endpoint(*target), targets))


def _urls(feed: FeedConfig) -> list[tuple[str, str]]:
    urls = [(f"{feed.name} frames", feed.websocket_url), (f"{feed.name} requests", feed.rest_url)]
    if feed.fallback is not None:
        urls.append((f"{feed.name} fallback", feed.fallback.websocket_url))
    return urls
