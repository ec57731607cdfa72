"""What people set and what the day has used: the part of the engine's state that a restart must not forget.

The next run begins with it, as an event. Prices, books, open episodes and simulated trades on their way are no part of
it: they belong to the run that saw them.
"""

import msgspec

from streaming_worker.core.reasons import RiskCause, RiskState


class HeldRisk(msgspec.Struct, frozen=True, gc=False):
    """A pause or a kill that does not end by itself within the day, with who ordered it, why, and since when.

    ``command_id`` is None where no command caused it; ``actor`` and ``reason`` are empty where they were not kept.
    """

    state: RiskState
    cause: RiskCause
    actor: str
    reason: str
    since_ns: int
    command_id: str | None = None


class HeldLimit(msgspec.Struct, frozen=True, gc=False):
    """A limit that an operator changed. Units: those of the limit; ``configured`` is what it was changed from at first.

    ``expires_ns`` is None for a change for good.
    """

    name: str
    value: int
    configured: int
    actor: str
    reason: str
    command_id: str
    expires_ns: int | None = None


class HeldHalt(msgspec.Struct, frozen=True, gc=False):
    """A venue or a pair on which nothing may open."""

    scope: str
    actor: str
    reason: str
    since_ns: int
    command_id: str = ""


class Controls(msgspec.Struct, frozen=True, gc=False):
    """Everything of one run that the next one takes over.

    Units: ``daily_net_usd_e8`` is the realised simulated result of the UTC day ``day``, USD x 1e8. ``limits``: those
    for good before those for a time. ``problem`` says why not everything is known; then nothing may open before an
    operator has looked.
    """

    run_id: str | None
    risk: HeldRisk | None = None
    limits: tuple[HeldLimit, ...] = ()
    halts: tuple[HeldHalt, ...] = ()
    day: int | None = None
    daily_net_usd_e8: int = 0
    seen_commands: tuple[str, ...] = ()
    problem: str | None = None
