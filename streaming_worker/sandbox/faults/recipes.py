"""Ready-made faults of every kind for every venue, drawn by seed, each with the time after which a reader can be right.

Left out on purpose are wrong data that a venue gives its clients no means to notice: a lost or swapped change where
nothing is numbered and nothing is compared (Coinbase Exchange, Gemini v2), an old snapshot without a time (Gemini v2),
and sizes that look right where no other copy exists. They can still be ordered one by one.
"""

import random
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from streaming_worker.sandbox.faults.spec import Ending, FaultKind, FaultSpec, Lie, Via

_CODES: Final = (1000, 1001, 1006, 1011, 1012, 1013, 4000, 4429)
_STATUSES: Final = (429, 429, 500, 502, 503, 504)
_NUMBERED: Final = ("coinbase", "gemini")
_PLAIN: Final = ("coinbase_exchange", "gemini_v2")
_TIMED: Final = ("coinbase", "coinbase_exchange", "gemini")
_SOON_MS: Final = 3_000
_POLLED_MS: Final = 14_000
_COPIED_MS: Final = 90_000
Draw: TypeAlias = Callable[[str, random.Random], list[FaultSpec]]


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """One way to go wrong. ``heals_ms`` is how long after its end a book that is trusted must be right again."""

    name: str
    venue: str
    draw: Draw
    heals_ms: int = _SOON_MS

    def specs(self, rng: random.Random) -> list[FaultSpec]:
        """Return the faults, drawn anew; their times count from the first one."""
        return self.draw(self.venue, rng)


def recipes_for(venue: str) -> list[Recipe]:
    """Return every recipe of a venue."""
    draws: dict[str, Draw] = dict(_EVERYWHERE)
    if venue not in _PLAIN:
        draws |= _WITH_A_CHECK
    if venue in _TIMED:
        draws |= _STALE
    if venue == "bitstamp":
        draws |= _BITSTAMP | _WITH_CALLS
    if venue == "solana":
        draws |= _SOLANA | _WITH_CALLS
        draws = {name: draw for name, draw in draws.items() if name not in _NO_LEVELS}
    return [Recipe(name=name, venue=venue, draw=draw, heals_ms=_heals_ms(name, venue)) for name, draw in draws.items()]


def _heals_ms(name: str, venue: str) -> int:
    if venue == "solana":
        return _POLLED_MS
    is_unseen = venue == "bitstamp" and name in _WITH_A_CHECK | _BITSTAMP
    return _COPIED_MS if is_unseen else _SOON_MS


def _lasting(kind: FaultKind, *, least_ms: int = 200, most_ms: int = 1_500, **fixed: object) -> Draw:
    def draw(venue: str, rng: random.Random) -> list[FaultSpec]:
        return [_spec(kind, venue, duration_ms=least_ms + rng.randrange(most_ms - least_ms), **fixed)]

    return draw


def _frames(kind: FaultKind, **fixed: object) -> Draw:
    def draw(venue: str, rng: random.Random) -> list[FaultSpec]:
        percent = rng.choice((20, 50, 100))
        return [_spec(kind, venue, duration_ms=2_500, percent=percent, most=1 + rng.randrange(4), **fixed)]

    return draw


def _close(venue: str, rng: random.Random) -> list[FaultSpec]:
    return [_spec(FaultKind.CLOSE, venue, close_code=rng.choice(_CODES))]


def _skew(venue: str, rng: random.Random) -> list[FaultSpec]:
    return [_spec(FaultKind.CLOCK_SKEW, venue, duration_ms=2_000, skew_ms=rng.randrange(-2_000, 6_001))]


def _delay(venue: str, rng: random.Random) -> list[FaultSpec]:
    return [_spec(FaultKind.DELAY, venue, duration_ms=2_000, delay_ms=100 + rng.randrange(2_000))]


def _refused(venue: str, rng: random.Random) -> list[FaultSpec]:
    wait = rng.choice((None, 1))
    refuse = _spec(
        FaultKind.REFUSE_CONNECT, venue, duration_ms=1_500, status=rng.choice((429, 503)), retry_after_s=wait, most=2
    )
    return [refuse, *_close(venue, rng)]


def _closing(kind: FaultKind, **fixed: object) -> Draw:
    def draw(venue: str, rng: random.Random) -> list[FaultSpec]:
        code = rng.choice(_CODES)
        return [
            _spec(kind, venue, duration_ms=800 + rng.randrange(1_500), ending=Ending.CLOSE, close_code=code, **fixed)
        ]

    return draw


def _stale(ending: Ending) -> Draw:
    def draw(venue: str, rng: random.Random) -> list[FaultSpec]:
        return [_spec(FaultKind.STALE_REPLAY, venue, duration_ms=2_500, ending=ending, close_code=rng.choice(_CODES))]

    return draw


def _calls_refused(venue: str, rng: random.Random) -> list[FaultSpec]:
    status, wait = rng.choice(_STATUSES), rng.choice((None, 1))
    refused = _spec(FaultKind.HTTP_STATUS, venue, duration_ms=2_500, status=status, retry_after_s=wait, most=2)
    return [refused, *_close(venue, rng)]


def _answers(kind: FaultKind, **fixed: object) -> Draw:
    def draw(venue: str, rng: random.Random) -> list[FaultSpec]:
        wrong = _spec(kind, venue, via=Via.HTTP, duration_ms=2_500, most=2, **fixed)
        return [wrong, *_close(venue, rng)]

    return draw


def _slow_answers(venue: str, rng: random.Random) -> list[FaultSpec]:
    slow = _spec(FaultKind.DELAY, venue, via=Via.HTTP, duration_ms=2_500, delay_ms=200 + rng.randrange(1_500))
    return [slow, *_close(venue, rng)]


def _spec(kind: FaultKind, venue: str, **fields: object) -> FaultSpec:
    return msgspec.convert({"kind": kind, "venue": venue, **fields}, FaultSpec)


_EVERYWHERE: Final[dict[str, Draw]] = {
    "duplicate": _frames(FaultKind.DUPLICATE),
    "delay": _delay,
    "backlog": _lasting(FaultKind.BACKLOG, most_ms=3_000),
    "truncate": _frames(FaultKind.TRUNCATE),
    "corrupt_bytes": _frames(FaultKind.CORRUPT_BYTES),
    "impossible_values": _frames(FaultKind.CORRUPT_VALUES, lie=Lie.MALFORMED),
    "close": _close,
    "half_open": _lasting(FaultKind.HALF_OPEN, least_ms=8_000, most_ms=9_000),
    "silence_close": _closing(FaultKind.SILENCE),
    "heartbeats_late": _lasting(FaultKind.SILENCE_WITH_HEARTBEATS, least_ms=1_200, most_ms=4_000),
    "heartbeats_close": _closing(FaultKind.SILENCE_WITH_HEARTBEATS),
    "heartbeats_only": _closing(FaultKind.HEARTBEATS_ONLY),
    "clock_skew": _skew,
    "refused": _refused,
    "stale": _stale(Ending.LATE),
}
_WITH_A_CHECK: Final[dict[str, Draw]] = {
    "drop": _frames(FaultKind.DROP),
    "reorder": _frames(FaultKind.REORDER),
    "silence_lost": _lasting(FaultKind.SILENCE, ending=Ending.LOST),
    "heartbeats_lost": _lasting(FaultKind.SILENCE_WITH_HEARTBEATS, ending=Ending.LOST),
}
_STALE: Final[dict[str, Draw]] = {"stale_lost": _stale(Ending.LOST)}
_BITSTAMP: Final[dict[str, Draw]] = {
    "request_reconnect": _lasting(FaultKind.REQUEST_RECONNECT, least_ms=1_000, most_ms=3_000, close_code=1001),
    "plausible_values": _frames(FaultKind.CORRUPT_VALUES, lie=Lie.PLAUSIBLE),
}
_WITH_CALLS: Final[dict[str, Draw]] = {
    "calls_refused": _calls_refused,
    "answers_short": _answers(FaultKind.TRUNCATE),
    "answers_garbled": _answers(FaultKind.CORRUPT_BYTES),
    "answers_slow": _slow_answers,
}
_SOLANA: Final[dict[str, Draw]] = {
    "rpc_lag": _lasting(FaultKind.RPC_LAG, least_ms=2_000, most_ms=6_000, slots=12),
    "rpc_rewind": _lasting(FaultKind.RPC_REWIND, slots=20),
    "unknown_subscription": _frames(FaultKind.WRONG_SUBSCRIPTION, lie=Lie.MALFORMED),
    "other_subscription": _frames(FaultKind.WRONG_SUBSCRIPTION, lie=Lie.INCONSISTENT),
    **{f"notified_{lie}": _frames(FaultKind.RPC_LIE, lie=lie) for lie in Lie},
    **{f"answered_{lie}": _answers(FaultKind.RPC_LIE, lie=lie) for lie in Lie},
}
_NO_LEVELS: Final = frozenset({"impossible_values"})
