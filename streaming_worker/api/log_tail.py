"""The newest lines of the log files: the end of each file only, and nothing that could be a secret."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from streaming_worker.api.schemas.system import LogLine
from streaming_worker.service.log import redact

_TAIL_BYTES: Final = 128 * 1024
_MOST_TEXT: Final = 2_000


class Level(StrEnum):
    """How bad a line is."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


_RANK: Final = {level: rank for rank, level in enumerate(Level)}


def newest(folder: Path, *, level: Level, program: str | None, limit: int) -> list[LogLine]:
    """Return the newest lines of every program's log, newest first. Blocks."""
    lines: list[LogLine] = []
    for path in sorted(folder.glob("*.log")) if folder.is_dir() else []:
        if program in (None, path.stem):
            lines += [
                line for text in _tail(path) if _RANK[Level((line := parsed(path.stem, text)).level)] >= _RANK[level]
            ]
    timed = sorted((line for line in lines if line.at is not None), key=lambda line: str(line.at), reverse=True)
    return [*timed, *(line for line in lines if line.at is None)][:limit]


def parsed(program: str, text: str) -> LogLine:
    """Return one line: ours are JSON, those of others are text."""
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        content = {"event": text[:_MOST_TEXT]}
    clean: dict[str, Any] = dict(redact(None, "", content))
    at, event, level = clean.pop("at", None), clean.pop("event", ""), str(clean.pop("level", "info")).lower()
    known = level if level in _RANK else Level.INFO.value
    return LogLine(at=_moment(at), program=program, level=known, event=str(event)[:_MOST_TEXT], fields=clean)


def _tail(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines[1 if size > _TAIL_BYTES else 0 :] if line.strip()]


def _moment(at: object) -> str | None:
    try:
        time = datetime.fromisoformat(str(at))
    except ValueError:
        return None
    aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return f"{aware.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
