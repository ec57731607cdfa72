"""Seeded chance in whole numbers, so that a seed gives the same market on every machine.

Not for secrets. Each part of the market has its own stream: how often one part draws never changes another.
"""

import random
from typing import Any

BELL_DEVIATION = 4
"""Standard deviation of ``bell``."""


def stream(seed: int, name: str) -> random.Random:
    """Return the stream of one named part of the market."""
    return random.Random(f"{seed}:{name}")


def bell(rng: random.Random) -> int:
    """Return a bell-shaped integer with mean 0 and deviation 4: the bit count of 64 fair coins."""
    return rng.getrandbits(64).bit_count() - 32


def around(rng: random.Random, mean: int) -> int:
    """Return a waiting time between a quarter and seven quarters of ``mean``."""
    return mean // 4 + rng.randrange(mean * 3 // 2 + 1)


def one_in(rng: random.Random, count: int) -> bool:
    """Return True once in ``count`` times on average."""
    return rng.randrange(count) == 0


def encode_stream(value: Any) -> Any:
    """Turn a stream into plain lists, for msgspec's ``enc_hook``."""
    if isinstance(value, random.Random):
        return value.getstate()
    raise TypeError(f"cannot store {type(value).__name__}")


def decode_stream(kind: type, value: Any) -> Any:
    """Rebuild a stream from what ``encode_stream`` gave, for msgspec's ``dec_hook``."""
    if kind is not random.Random:
        raise TypeError(f"cannot restore {kind.__name__}")
    version, words, leftover = value
    rng = random.Random(0)
    rng.setstate((version, tuple(words), leftover))
    return rng
