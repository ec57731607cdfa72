"""Frames cut short and frames with foreign bytes: never JSON again."""

import random
from typing import Final

_FOREIGN: Final = bytes([*range(1, 9), *range(14, 32), *range(128, 256)])
_MOST_BYTES: Final = 8


def cut_short(frame: bytes, rng: random.Random) -> bytes:
    """Return a part of the frame from its beginning."""
    return frame[: rng.randrange(1, len(frame))] if len(frame) > 1 else b""


def with_foreign_bytes(frame: bytes, rng: random.Random) -> bytes:
    """Return the frame with some neighbouring bytes overwritten: control characters, broken UTF-8."""
    count = min(1 + rng.randrange(_MOST_BYTES), len(frame))
    at = rng.randrange(len(frame) - count + 1)
    foreign = bytes(rng.choice(_FOREIGN) for _ in range(count))
    return frame[:at] + foreign + frame[at + count :]
