"""One fault as it is written down: what, where, when, how long. Read from scripts and from the control port."""

from enum import StrEnum
from typing import Final

import msgspec

from streaming_worker.core.units import NANOS_PER_MILLISECOND

LONGEST_MS: Final = 24 * 3_600_000
SOLANA: Final = "solana"
BITSTAMP: Final = "bitstamp"


class FaultKind(StrEnum):
    """What can go wrong on the way from a venue to a client."""

    DROP = "drop"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    DELAY = "delay"
    TRUNCATE = "truncate"
    CORRUPT_BYTES = "corrupt_bytes"
    CORRUPT_VALUES = "corrupt_values"
    HALF_OPEN = "half_open"
    CLOSE = "close"
    SILENCE = "silence"
    SILENCE_WITH_HEARTBEATS = "silence_with_heartbeats"
    HEARTBEATS_ONLY = "heartbeats_only"
    STALE_REPLAY = "stale_replay"
    CLOCK_SKEW = "clock_skew"
    BACKLOG = "backlog"
    HTTP_STATUS = "http_status"
    REFUSE_CONNECT = "refuse_connect"
    RPC_LAG = "rpc_lag"
    RPC_LIE = "rpc_lie"
    RPC_REWIND = "rpc_rewind"
    WRONG_SUBSCRIPTION = "wrong_subscription"
    REQUEST_RECONNECT = "request_reconnect"


class Via(StrEnum):
    """Which way: frames of sockets, or answers to calls."""

    SOCKET = "socket"
    HTTP = "http"


class Ending(StrEnum):
    """What becomes of frames that were held back: they come late, never, or the connection is closed instead."""

    LATE = "late"
    LOST = "lost"
    CLOSE = "close"


class Lie(StrEnum):
    """How a wrong value looks: impossible, at odds with what else is said, or as good as a right one."""

    MALFORMED = "malformed"
    INCONSISTENT = "inconsistent"
    PLAUSIBLE = "plausible"


INSTANT: Final = frozenset({FaultKind.CLOSE, FaultKind.RPC_REWIND})
"""Done at once; they need no duration."""
HOLDING: Final = frozenset(
    {
        FaultKind.REORDER,
        FaultKind.DELAY,
        FaultKind.BACKLOG,
        FaultKind.SILENCE,
        FaultKind.SILENCE_WITH_HEARTBEATS,
        FaultKind.HEARTBEATS_ONLY,
    }
)
"""They keep frames for later, so that they last their time even when they may touch no more."""

DAMAGE: Final = frozenset({FaultKind.TRUNCATE, FaultKind.CORRUPT_BYTES, FaultKind.CORRUPT_VALUES})
_BOTH_WAYS: Final = DAMAGE | {FaultKind.DELAY, FaultKind.RPC_LIE}
_ONLY_AT: Final = {
    FaultKind.RPC_LAG: SOLANA,
    FaultKind.RPC_LIE: SOLANA,
    FaultKind.RPC_REWIND: SOLANA,
    FaultKind.WRONG_SUBSCRIPTION: SOLANA,
    FaultKind.REQUEST_RECONNECT: BITSTAMP,
}
_CLOSE_CODES: Final = (1000, 1001, 1006, 1011, 1012, 1013)


class FaultSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault.

    ``at_ms`` counts from the start of a script, or from now. ``symbol`` limits it to frames about one book, written
    as "SOL-USD". ``percent`` is the chance of each frame or answer, ``most`` how many at most. ``close_code`` 1006
    drops the connection without a closing handshake. ``retry_after_s`` None sends no such header. How long a
    request_reconnect lasts is the time that clients are given.
    """

    kind: FaultKind
    venue: str
    symbol: str | None = None
    via: Via = Via.SOCKET
    at_ms: int = 0
    duration_ms: int = 0
    percent: int = 100
    most: int | None = None
    delay_ms: int = 500
    skew_ms: int = 0
    close_code: int = 1006
    status: int = 429
    retry_after_s: int | None = None
    slots: int = 10
    ending: Ending = Ending.LATE
    lie: Lie = Lie.MALFORMED

    @property
    def duration_ns(self) -> int:
        """How long it lasts."""
        return self.duration_ms * NANOS_PER_MILLISECOND


def complaint(spec: FaultSpec, venues: frozenset[str]) -> str | None:
    """Say what is wrong with a fault, naming what is allowed; None when it can be done."""
    kind = spec.kind
    only_at = _ONLY_AT.get(kind)
    checks = (
        (spec.venue in venues, f"venue is one of {', '.join(sorted(venues))}, received {spec.venue!r}"),
        (only_at in (None, spec.venue), f"{kind} happens at {only_at} only, received {spec.venue!r}"),
        (spec.via is Via.SOCKET or kind in _BOTH_WAYS, f"{kind} has no form via http"),
        (0 <= spec.at_ms <= LONGEST_MS, f"at_ms is from 0 to {LONGEST_MS}, received {spec.at_ms}"),
        (0 <= spec.duration_ms <= LONGEST_MS, f"duration_ms is from 0 to {LONGEST_MS}, received {spec.duration_ms}"),
        (spec.duration_ms > 0 or kind in INSTANT, f"{kind} needs duration_ms above 0"),
        (1 <= spec.percent <= 100, f"percent is from 1 to 100, received {spec.percent}"),
        (spec.most is None or spec.most > 0, f"most is above 0, received {spec.most}"),
        (0 < spec.delay_ms <= LONGEST_MS, f"delay_ms is from 1 to {LONGEST_MS}, received {spec.delay_ms}"),
        (abs(spec.skew_ms) <= LONGEST_MS, f"skew_ms is at most {LONGEST_MS} either way, received {spec.skew_ms}"),
        (_is_close_code(spec.close_code), f"close_code is one of {_CLOSE_CODES} or from 3000 to 4999"),
        (400 <= spec.status <= 599, f"status is from 400 to 599, received {spec.status}"),
        (1 <= spec.slots <= 60, f"slots is from 1 to 60, received {spec.slots}"),
    )
    return next((text for is_right, text in checks if not is_right), None)


def _is_close_code(code: int) -> bool:
    return code in _CLOSE_CODES or 3000 <= code <= 4999
