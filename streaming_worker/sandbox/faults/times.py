"""A venue whose clock is wrong: every time that it writes is moved."""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from struct import Struct
from typing import Final

from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.sandbox.faces.wire import NANOS_PER_MICROSECOND, rfc3339

_RFC3339: Final = re.compile(rb'("(?:timestamp|event_time|time)": ?")(\d{4}-[0-9T:\-]+?)(?:\.(\d+))?Z"')
_GEMINI_NS: Final = re.compile(rb'("E": ?)(\d{19})')
_MILLIS: Final = re.compile(rb'("timestamp": ?)(\d{13})')
_MICROS_LAST: Final = re.compile(rb'("microtimestamp": ?")(\d{16})')
_SECONDS: Final = re.compile(rb'("timestamp": ?")(\d{10})"')
_CLOCK_DATA: Final = re.compile(rb'\["([A-Za-z0-9+/]{54}==)","base64"\]')
_CLOCK: Final = Struct("<QqQQq")
_NINE: Final = 9


def with_times_moved(venue: str, frame: bytes, by_ns: int) -> bytes:
    """Return the frame with its times moved by ``by_ns``."""
    match venue:
        case "coinbase" | "coinbase_exchange":
            return _RFC3339.sub(_once_each(by_ns), frame)
        case "gemini":
            return _GEMINI_NS.sub(lambda found: found[1] + str(int(found[2]) + by_ns).encode(), frame)
        case "gemini_v2":
            by_ms = by_ns // NANOS_PER_MILLISECOND
            return _MILLIS.sub(lambda found: found[1] + str(int(found[2]) + by_ms).encode(), frame)
        case "bitstamp":
            return _bitstamp(frame, by_ns // NANOS_PER_MICROSECOND)
        case _:
            return _CLOCK_DATA.sub(lambda found: _clock(found, by_ns // NANOS_PER_SECOND), frame)


def _once_each(by_ns: int) -> Callable[[re.Match[bytes]], bytes]:
    # A snapshot writes one time some hundred times.
    moved: dict[tuple[bytes, bytes | None], bytes] = {}

    def move(found: re.Match[bytes]) -> bytes:
        key = found[2], found[3]
        if key not in moved:
            moved[key] = _rfc3339(*key, by_ns)
        return found[1] + moved[key] + b'"'

    return move


def _rfc3339(second: bytes, fraction: bytes | None, by_ns: int) -> bytes:
    try:
        whole = int(datetime.fromisoformat(f"{second.decode()}+00:00").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return second + b"Z"
    digits = fraction or b""
    ns = whole * NANOS_PER_SECOND + int(digits.ljust(_NINE, b"0")[:_NINE] or b"0")
    return rfc3339(max(ns + by_ns, 0), digits=max(len(digits), 6)).encode()


def _bitstamp(frame: bytes, by_us: int) -> bytes:
    # The second must stay the one of the microseconds, whichever of the two stands first.
    found = _MICROS_LAST.search(frame)
    if found is None:
        return frame
    micros = str(int(found[2]) + by_us).encode()
    frame = _MICROS_LAST.sub(lambda match: match[1] + micros, frame, count=1)
    return _SECONDS.sub(lambda match: match[1] + micros[:10] + b'"', frame, count=1)


def _clock(found: re.Match[bytes], by_s: int) -> bytes:
    *rest, unix_timestamp = _CLOCK.unpack(b64decode(found[1]))
    return b'["' + b64encode(_CLOCK.pack(*rest, unix_timestamp + by_s)) + b'","base64"]'
