"""Which ports a profile needs, whether they are free, and who holds one that is not."""

import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streaming_worker.config import Config
from streaming_worker.errors import OperationError

API: Final = "API and console"
VENUES: Final = "local venues"
VENUE_PORTS: Final = 11
_LISTEN: Final = "0A"


@dataclass(frozen=True, slots=True)
class PortUse:
    """One port, what it is for and the variable that moves it."""

    host: str
    port: int
    purpose: str
    variable: str


def ports_of(config: Config) -> tuple[PortUse, ...]:
    """Return every port that ``arb up`` listens on with this configuration."""
    uses = [
        PortUse(config.gateway.host, config.gateway.port, "worker gateway", "ARB_PORT_GATEWAY"),
        PortUse(config.api.host, config.api.port, API, "ARB_PORT_API"),
        PortUse(config.dagster.host, config.dagster.port, "Dagster web interface", "ARB_PORT_DAGSTER"),
    ]
    if config.smtp.sink:
        uses.append(PortUse(config.smtp.host, config.smtp.port, "mail sink", "ARB_PORT_SMTP"))
    if config.venues.enabled:
        first = config.venues.port
        uses += [
            PortUse(config.venues.host, first + offset, VENUES, "ARB_PORT_VENUES") for offset in range(VENUE_PORTS)
        ]
    return tuple(uses)


def ports_from_base(base: int) -> dict[str, str]:
    """Return the variables that move every port to a block of 32 that starts at ``base``."""
    return {
        "ARB_PORT_GATEWAY": str(base),
        "ARB_PORT_DAGSTER": str(base + 1),
        "ARB_PORT_SMTP": str(base + 2),
        "ARB_PORT_API": str(base + 3),
        "ARB_PORT_VENUES": str(base + 10),
    }


def require_free(uses: tuple[PortUse, ...]) -> None:
    """Raise OperationError for the first port that someone else listens on, naming who and the way out."""
    for use in uses:
        if not is_free(use.host, use.port):
            holder = holder_of(use.port)
            who = f"by {holder}" if holder else "by another process"
            raise OperationError(
                f"port {use.port} ({use.purpose}) is in use {who}",
                hint=f"stop it, or set {use.variable} or --port-base to free ports",
            )


def is_free(host: str, port: int) -> bool:
    """Return whether we could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def holder_of(port: int, proc: Path = Path("/proc")) -> str | None:
    """Return ``process name (pid n)`` of who listens on ``port``, where the system tells; else None."""
    inodes = _listening_inodes(port, proc / "net" / "tcp")
    if not inodes:
        return None
    for folder in proc.glob("[0-9]*"):
        if inodes & _sockets_of(folder):
            return f"{(folder / 'comm').read_text(encoding='utf-8').strip()} (pid {folder.name})"
    return None


def _listening_inodes(port: int, table: Path) -> set[str]:
    if not table.exists():
        return set()
    inodes = set()
    for line in table.read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == _LISTEN:
            inodes.add(f"socket:[{fields[9]}]")
    return inodes


def _sockets_of(process: Path) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):  # the process ended meanwhile, or it is another user's
        for link in (process / "fd").iterdir():
            with contextlib.suppress(OSError):  # this one was closed meanwhile
                found.add(str(link.readlink()))
    return found
