"""What runs here: the settings that the worker's run began with, as a hash, and the packages with their licences."""

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from typing import Final, Protocol

from packaging.requirements import Requirement

from streaming_worker.api.record_desk import RecordDesk
from streaming_worker.api.schemas.system import Package
from streaming_worker.core.units import NANOS_PER_DAY, Nanos

NOT_STATED: Final = "not stated"
_CLASS: Final = "License :: "
_LONGEST: Final = 60


class Headers(Protocol):
    """Metadata of a package: headers of which each may come more than once."""

    def get_all(self, name: str, failobj: None = None) -> list[str] | None:
        """Return every value of a header; None without one."""
        ...


async def settings_hash(desk: RecordDesk, run_id: str | None, now_ns: Nanos) -> str | None:
    """Return SHA-256 over the recorded settings of a run, which have no secrets; None before its first file is read."""
    rows = await desk.rows(
        "FROM worker_runs SELECT run_id, settings ORDER BY received_ns DESC LIMIT 100",
        from_ns=now_ns - NANOS_PER_DAY,
        to_ns=now_ns,
        keep_s=60.0,
    )
    found = next((str(row["settings"]) for row in rows if row["run_id"] == run_id), None)
    return None if found is None else sha256(found.encode()).hexdigest()


@cache
def packages(product: str) -> tuple[Package, ...]:
    """Return what a distribution needs, and what that needs, by name. Reads the installed packages once. Blocks."""
    found: dict[str, Package] = {}
    waiting = list(_needs(product))
    while waiting:
        name = waiting.pop()
        if name.lower() in found:
            continue
        try:
            about = distribution(name).metadata
        except PackageNotFoundError:
            continue  # for another system, or an extra that is not used
        found[name.lower()] = Package(name=about["Name"], version=about["Version"], licence=licence_of(about))
        waiting += _needs(name)
    return tuple(sorted(found.values(), key=lambda package: package.name.lower()))


def _needs(name: str) -> Iterator[str]:
    for text in distribution(name).requires or ():
        needed = Requirement(text)
        if needed.marker is None or needed.marker.evaluate({"extra": ""}):
            yield needed.name


def licence_of(about: Headers) -> str:
    """Return a package's own words: its expression, else its classifiers, else its text where that is a name."""
    for expression in about.get_all("License-Expression") or ():
        return str(expression)
    classes = [value.rpartition(" :: ")[2] for value in about.get_all("Classifier") or () if value.startswith(_CLASS)]
    if classes:
        return ", ".join(classes)
    text = " ".join(about.get_all("License") or ()).strip()
    return text if text and len(text) <= _LONGEST and "\n" not in text else NOT_STATED
