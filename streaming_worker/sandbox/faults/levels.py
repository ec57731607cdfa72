"""Wrong values in book frames: impossible ones, ones that cross the book, and ones that look right."""

import json
import random
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from streaming_worker.sandbox.faults.spec import Lie

_IMPOSSIBLE: Final = (
    "0.-10000",
    "",
    "NaN",
    "-1.5",
    "1e-08x",
    "1,5",
    "0x10",
    "99999999999999999999999999.9",
    "1.2.3",
    "٣",
)
_FAR_PERCENT: Final = 50


class _Level(NamedTuple):
    """Where one level stands in a decoded frame."""

    is_bid: bool
    holder: Any
    price: str | int
    size: str | int

    @property
    def is_there(self) -> bool:
        return any(digit in "123456789" for digit in str(self.holder[self.size]))


def with_wrong_value(venue: str, frame: bytes, lie: Lie, rng: random.Random) -> bytes | None:
    """Return the frame with one value of one level changed; None when it has no level that serves."""
    try:
        message = json.loads(frame)
    except ValueError:
        return None
    levels = list(_levels(venue, message)) if isinstance(message, dict) else []
    if lie is not Lie.MALFORMED:
        levels = [level for level in levels if level.is_there]
    if not levels:
        return None
    _change(rng.choice(levels), lie, rng)
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


def _change(level: _Level, lie: Lie, rng: random.Random) -> None:
    match lie:
        case Lie.MALFORMED:
            level.holder[rng.choice((level.price, level.size))] = rng.choice(_IMPOSSIBLE)
        case Lie.INCONSISTENT:
            percent = 100 + _FAR_PERCENT if level.is_bid else 100 - _FAR_PERCENT
            level.holder[level.price] = _scaled(str(level.holder[level.price]), percent)
        case Lie.PLAUSIBLE:
            level.holder[level.size] = _with_another_digit(str(level.holder[level.size]), rng)


def _scaled(text: str, percent: int) -> str:
    whole, point, fraction = text.partition(".")
    value = int(whole + fraction)
    scaled = value * percent // 100
    value = value + 1 if scaled == value else scaled
    digits = f"{value:0{len(fraction) + 1}d}"
    return f"{digits[: len(digits) - len(fraction)]}{point}{digits[len(digits) - len(fraction) :]}"


def _with_another_digit(text: str, rng: random.Random) -> str:
    at = rng.choice([index for index, digit in enumerate(text) if digit in "123456789"])
    return f"{text[:at]}{(int(text[at]) + rng.randrange(8)) % 9 + 1}{text[at + 1 :]}"


def _levels(venue: str, message: dict[str, Any]) -> Iterator[_Level]:
    match venue:
        case "coinbase":
            for event in message.get("events", ()):
                for update in event.get("updates", ()):
                    yield _Level(update["side"] == "bid", update, "price_level", "new_quantity")
        case "coinbase_exchange" | "gemini_v2":
            yield from _sided(message.get("changes", ()))
            yield from _pairs(message, "bids", "asks")
        case "gemini":
            yield from _pairs(message, "b", "a")
        case "bitstamp":
            body = message.get("data", message)
            yield from _pairs(body if isinstance(body, dict) else {}, "bids", "asks")


def _sided(changes: Any) -> Iterator[_Level]:
    for change in changes:
        yield _Level(change[0] == "buy", change, 1, 2)


def _pairs(body: dict[str, Any], bids: str, asks: str) -> Iterator[_Level]:
    for name in (bids, asks):
        levels = body.get(name, ())
        for level in levels if isinstance(levels, list) else ():
            yield _Level(name == bids, level, 0, 1)
