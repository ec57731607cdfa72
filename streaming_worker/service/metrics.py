"""Counters and gauges in one registry; every part keeps its own numbers and is asked when someone looks.

They are shown as JSON by the gateway's ``/state``, and as Prometheus text by ``service/exposition``.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

Reading: TypeAlias = Mapping[str, int | float | str | bool | None]


class Metrics:
    """Named sources of readings, asked in the order in which they were added."""

    def __init__(self) -> None:
        self._sources: dict[str, Callable[[], Reading]] = {}

    def add_source(self, name: str, read: Callable[[], Reading]) -> None:
        """Add a source; a second one of the same name replaces the first."""
        self._sources[name] = read

    def snapshot(self) -> dict[str, Reading]:
        """Return every reading now."""
        return {name: read() for name, read in self._sources.items()}
