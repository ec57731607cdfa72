"""The write-ahead log of a live file: where its whole frames end, and cutting off what is damaged.

DuckDB refuses a log with a wrong checksum, but says nothing of two kinds of damage, measured on 1.5.5: a log whose
first bytes are wrong is passed over whole, and a frame whose length is wrong ends the replay as if the rest were a
torn tail. So the frames are walked before the file is opened. Nothing is ever deleted: each part that is cut off is
kept beside the file. Source: duckdb 1.5.5, src/storage/write_ahead_log.cpp (eight bytes of header, then frames of
length, checksum and payload); both are checked against the installed version by a test.
"""

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streaming_worker.storage.worker_files import FILE_MODE, sync_folder

HEADER: Final = bytes.fromhex("640062650002ffff")
_FRAME: Final = struct.Struct("<QQ")
_REPORTED: Final = re.compile(r"byte position (\d+)")


@dataclass(frozen=True, slots=True)
class Cut:
    """A part that was taken out of a log: where it began, its length, the file that keeps it, and why.

    ``is_damage``: whole transactions were in it, which somebody was told of; a tail that is torn never was complete.
    """

    offset: int
    length: int
    kept: Path
    reason: str
    is_damage: bool = False


def frame_starts(wal: Path) -> tuple[list[int], int]:
    """Return where each whole frame begins, and where the last of them ends."""
    size = wal.stat().st_size
    starts: list[int] = []
    position = len(HEADER)
    with wal.open("rb") as file:
        while position + _FRAME.size <= size:
            file.seek(position)
            length, _ = _FRAME.unpack(file.read(_FRAME.size))
            end = position + _FRAME.size + length
            # An empty frame is never written: zeros after the last good frame, as power loss leaves them.
            if length == 0 or end > size:
                break
            starts.append(position)
            position = end
    return starts, min(position, size)


def trim(wal: Path) -> list[Cut]:
    """Restore a damaged header and cut off what stands after the last whole frame; return what was done."""
    size = wal.stat().st_size
    if size < len(HEADER):
        return []
    cuts = []
    with wal.open("rb") as file:
        header = file.read(len(HEADER))
    if header != HEADER:
        kept = _keep(wal, 0, header)
        _overwrite(wal, 0, HEADER)
        cuts.append(Cut(0, len(HEADER), kept, "the first bytes were not those of a log; restored"))
    _, end = frame_starts(wal)
    if end < size:
        cuts.append(cut(wal, end, "no whole frame from here on: a torn tail, or damage"))
    return cuts


def cut(wal: Path, offset: int, reason: str, *, is_damage: bool = False) -> Cut:
    """Cut a log off at ``offset``, keeping the rest beside it."""
    with wal.open("rb") as file:
        file.seek(offset)
        rest = file.read()
    kept = _keep(wal, offset, rest)
    with wal.open("r+b") as file:
        file.truncate(offset)
        os.fsync(file.fileno())
    return Cut(offset, len(rest), kept, reason, is_damage)


def reported_frame(wal: Path, message: str) -> int | None:
    """Return the start of the frame that DuckDB's message complains about, or None where it names none.

    The position it gives is that of the payload, behind the frame's length and checksum.
    """
    match = _REPORTED.search(message)
    if match is None:
        return None
    position = int(match[1])
    starts, _ = frame_starts(wal)
    return max((start for start in starts if start < position), default=None)


def _keep(wal: Path, offset: int, data: bytes) -> Path:
    kept = wal.with_name(f"{wal.name}.{offset}.damaged")
    descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(kept.parent)
    return kept


def _overwrite(wal: Path, offset: int, data: bytes) -> None:
    with wal.open("r+b") as file:
        file.seek(offset)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
