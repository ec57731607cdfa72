"""Numbers and times as the venues write them. Own code on purpose: it must not share a mistake with the parsers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.faces.session import HttpReply

NANOS_PER_MICROSECOND: Final = 1_000
_MOST_DIGITS: Final = 9


def trimmed(value: int, decimals: int) -> str:
    """Write ``value`` x 10**-decimals without trailing zeros and without a bare point: 7712 at 2 is "77.12"."""
    whole, fraction = divmod(value, 10**decimals)
    if fraction == 0:
        return str(whole)
    return f"{whole}.{fraction:0{decimals}d}".rstrip("0")


def with_point(value: int, decimals: int) -> str:
    """Write as ``trimmed``, but whole numbers keep one zero: "30.0"."""
    text = trimmed(value, decimals)
    return text if "." in text else f"{text}.0"


def padded(value: int, decimals: int, width: int) -> str:
    """Write with exactly ``width`` fraction digits, ``width`` being at least ``decimals``; no point for none."""
    whole, fraction = divmod(value, 10**decimals)
    if width == 0:
        return str(whole)
    return f"{whole}.{fraction:0{decimals}d}{'0' * (width - decimals)}"


def rfc3339(ns: int, *, digits: int = 9) -> str:
    """Write a UTC time with up to ``digits`` fraction digits, trailing zeros cut, as Go does."""
    second, fraction = divmod(ns, NANOS_PER_SECOND)
    text = f"{fraction:09d}"[:digits].rstrip("0")
    return f"{_second(second)}.{text}Z" if text else f"{_second(second)}Z"


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def quoted_list(values: list[str]) -> str:
    """Write a JSON list of plain names."""
    return "[" + ",".join(f'"{value}"' for value in values) + "]"


def split_target(target: str) -> tuple[str, Mapping[str, str]]:
    """Split a request target into its path and its query."""
    path, _, query = target.partition("?")
    return path, dict(parse_qsl(query))


def whole_number(text: str | None, *, otherwise: int) -> int:
    """Read a count that a client wrote; ``otherwise`` for anything that is not a plain number."""
    if text is None or len(text) > _MOST_DIGITS or not (text.isascii() and text.isdecimal()):
        return otherwise
    return int(text)


def json_reply(value: object, *, status: int = 200) -> HttpReply:
    """Return a JSON answer in compact form."""
    return HttpReply(status=status, body=msgspec.json.encode(value))
