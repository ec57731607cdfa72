"""Dagster's sign of life: a small file that a sensor rewrites at every tick, read by whoever watches from outside.

A tick needs the daemon that asks for it and the code location that answers, so its age tells of both.
"""

from pathlib import Path
from typing import Final

from streaming_worker.core.units import Nanos

FILE_NAME: Final = "dagster-heartbeat"


def write_heartbeat(state: Path, at_ns: Nanos) -> None:
    """Write the moment in one step, so that a reader sees the old one or the new one."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = state / f".{FILE_NAME}.new"
    temporary.write_text(f"{at_ns}\n", encoding="ascii")
    temporary.replace(state / FILE_NAME)


def read_heartbeat(state: Path) -> Nanos | None:
    """Return the last sign of life, None where there was none or the file cannot be read."""
    try:
        return int((state / FILE_NAME).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
