"""Recorded frames from disk, byte for byte, with exact receive times; what they mean is no business of this module.

Two formats: ``*.jsonl`` and ``*.jsonl.gz`` (a header line, then connect, send, recv and http lines, whose times are
decimal seconds) and ``*.tsv`` (``receive_ns<TAB>frame``, one connection, times of a steady clock).
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from io import BufferedReader
from pathlib import Path
from typing import Final

import msgspec

from streaming_worker.core.units import NANOS_PER_SECOND, Nanos
from streaming_worker.errors import FeedFormatError, StorageError

_NANO_DIGITS: Final = 9
_MOST_DIGITS: Final = 20
_TSV_CONNECTION: Final = "tsv"
_HEAD_BYTES: Final = 65_536
_DAMAGE: Final = (OSError, EOFError, ValueError, zlib.error, msgspec.MsgspecError, FeedFormatError)


class LineKind(StrEnum):
    """What a recorded line is."""

    CONNECT = "connect"
    SEND = "send"
    RECV = "recv"
    HTTP = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedLine:
    """One line: ``data`` is the frame or body, ``url`` the address of a connection or call."""

    received_ns: Nanos
    connection: str
    kind: LineKind
    data: bytes = b""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A file that can be read. ``exchange`` is the header's word, None where the file has no header."""

    path: Path
    exchange: str | None
    has_wall_clock: bool

    def lines(self) -> Iterator[RecordedLine]:
        """Yield every line in file order. Raises StorageError where the file is damaged."""
        read = 0
        try:
            with _open(self.path) as file:
                for text in file:
                    read += 1
                    line = _tsv_line(text) if self.exchange is None else _json_line(text)
                    if line is not None:
                        yield line
        except _DAMAGE as e:
            raise StorageError(f"damaged at or after line {read}: {e}", path=str(self.path)) from e


@dataclass(frozen=True, slots=True)
class UnknownFile:
    """A file that is not a recording, and why."""

    reason: str


class _Line(msgspec.Struct):
    t: str
    ts: msgspec.Raw = msgspec.Raw(b"0")
    conn: str = ""
    data: str = ""
    url: str = ""
    addr: str = ""
    exchange: str = ""


_line = msgspec.json.Decoder(_Line)


def open_recording(path: Path) -> Recording | UnknownFile:
    """Tell by name and first line whether a file is a recording."""
    is_table = path.name.endswith(".tsv")
    if not is_table and not path.name.endswith((".jsonl", ".jsonl.gz")):
        return UnknownFile("not a recording: expected .jsonl, .jsonl.gz or .tsv")
    try:
        with _open(path) as file:
            head = file.readline(_HEAD_BYTES)
        if is_table:
            _tsv_line(head)
            return Recording(path=path, exchange=None, has_wall_clock=False)
        header = _line.decode(head)
    except _DAMAGE:
        return UnknownFile("not a recording: its first line is neither a header nor receive_ns<TAB>frame")
    if header.t != "header" or not header.exchange:
        return UnknownFile("not a recording: its first line is no header that names an exchange")
    return Recording(path=path, exchange=header.exchange, has_wall_clock=True)


def seconds_to_ns(text: str) -> Nanos:
    """Return decimal seconds as nanoseconds, exactly. Raises FeedFormatError."""
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    if not (digits.isdigit() and digits.isascii()) or len(fraction) > _NANO_DIGITS or len(whole) > _MOST_DIGITS:
        raise FeedFormatError(f"expected decimal seconds, received {text[:40]!r}")
    return int(whole or "0") * NANOS_PER_SECOND + int(fraction.ljust(_NANO_DIGITS, "0"))


def _open(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _json_line(text: bytes) -> RecordedLine | None:
    line = _line.decode(text)
    if line.t == "header":
        return None
    return RecordedLine(
        received_ns=seconds_to_ns(bytes(line.ts).decode()),
        connection=line.conn,
        kind=LineKind(line.t),
        data=line.data.encode(),
        url=line.url or line.addr,
    )


def _tsv_line(text: bytes) -> RecordedLine:
    stamp, _, frame = text.rstrip(b"\r\n").partition(b"\t")
    if not stamp.isdigit() or len(stamp) > _MOST_DIGITS or not frame:
        raise FeedFormatError(f"expected receive_ns<TAB>frame, received {text[:60]!r}")
    return RecordedLine(received_ns=int(stamp), connection=_TSV_CONNECTION, kind=LineKind.RECV, data=frame)
