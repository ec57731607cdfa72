"""Recorded connections from files: what a venue sent, when, and which REST bodies it gave.

Reads `*.jsonl.gz` (one JSON object a line: header, connect, send, recv, http) and Gemini's `.tsv` excerpt
(`receive_ns<TAB>frame`). Frames are kept as they were, byte for byte.
"""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.errors import ConfigError

_VENUES: Final = {
    "COINBASE": "coinbase",
    "COINBASE_EXCHANGE": "coinbase_exchange",
    "GEMINI": "gemini_v2",
    "BITSTAMP": "bitstamp",
}


class _Line(msgspec.Struct):
    t: str
    ts: float = 0.0
    conn: str = ""
    exchange: str = ""
    url: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recorded connection: each frame with its time since the first one, in nanoseconds."""

    name: str
    frames: list[tuple[int, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueCapture:
    """All that was recorded of one venue: its connections in order, and REST bodies by request target."""

    recordings: list[Recording] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)


def load_captures(paths: Iterable[Path]) -> dict[str, VenueCapture]:
    """Read capture files and return them by venue. Raises ConfigError for a file that is not one."""
    captures: dict[str, VenueCapture] = {}
    for path in paths:
        try:
            if path.suffix == ".tsv":
                capture = captures.setdefault("gemini", VenueCapture())
                capture.recordings.append(_read_tsv(path))
            else:
                _read_lines(path, captures)
        except (OSError, EOFError, ValueError, msgspec.MsgspecError) as e:
            raise ConfigError(f"expected a recorded capture at {path}, received {e}", key="captures") from e
    return captures


def _read_lines(path: Path, captures: dict[str, VenueCapture]) -> None:
    lines = _lines(path)
    header = next(lines, None)
    venue = _VENUES.get(header.exchange) if header is not None and header.t == "header" else None
    if venue is None:
        raise ValueError(f"a first line that names one of {', '.join(_VENUES)} is missing")
    capture = captures.setdefault(venue, VenueCapture())
    frames: dict[str, list[tuple[float, bytes]]] = {}
    for line in lines:
        if line.t == "connect":
            frames[line.conn] = []
        elif line.t == "recv":
            frames.setdefault(line.conn, []).append((line.ts, line.data.encode()))
        elif line.t == "http":
            capture.bodies[_target(line.url)] = line.data.encode()
    for connection, received in frames.items():
        capture.recordings.append(_recording(f"{path.name}:{connection}", received))


def _lines(path: Path) -> Iterator[_Line]:
    decoder = msgspec.json.Decoder(_Line)
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        for line in file:
            yield decoder.decode(line)


def _recording(name: str, received: list[tuple[float, bytes]]) -> Recording:
    # The recorder's wall clock may step back; playback must not.
    frames: list[tuple[int, bytes]] = []
    latest = 0
    for seconds, data in received:
        latest = max(latest, int((seconds - received[0][0]) * NANOS_PER_SECOND))
        frames.append((latest, data))
    return Recording(name=name, frames=frames)


def _read_tsv(path: Path) -> Recording:
    frames: list[tuple[int, bytes]] = []
    first: int | None = None
    for line in path.read_bytes().splitlines():
        stamp, _, data = line.partition(b"\t")
        first = int(stamp) if first is None else first
        frames.append((int(stamp) - first, data))
    if not frames:
        raise ValueError("an empty file")
    return Recording(name=path.name, frames=frames)


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
