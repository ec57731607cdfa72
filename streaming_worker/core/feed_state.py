"""The state of a feed and of each of its books, from what is known of its transport and of its data.

No message is not staleness: healthy books are silent for half a minute, and a loud socket can deliver old prices. So
the transport and the data are judged apart. Values in, a state out; nothing is remembered here.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND, Nanos


class FeedState(StrEnum):
    """CONNECTING: no full state yet. SYNCED: whole, prompt and changing. QUIET: whole and alive, nothing changes.
    LAGGING: delivers late by its venue's clock. GAP: is being rebuilt. LOST: no transport. DEAD: the transport stands
    and shows no sign of life, or what it delivers is too old to be used at all."""

    CONNECTING = "connecting"
    SYNCED = "synced"
    QUIET = "quiet"
    LAGGING = "lagging"
    GAP = "gap"
    LOST = "lost"
    DEAD = "dead"


HEALTHY: Final = frozenset({FeedState.SYNCED, FeedState.QUIET})
_FROM_WORST: Final = (FeedState.DEAD, FeedState.GAP, FeedState.CONNECTING, FeedState.LAGGING)


class FeedLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Beyond these a state changes. Units: ns.

    ``alive_ns``: silence of a transport; ``lag_ns``: delay of delivery by the venue's clock that makes late, and
    ``old_ns``: dead; ``quiet_ns``: time without a change.
    """

    alive_ns: Nanos = 10 * NANOS_PER_SECOND
    quiet_ns: Nanos = 10 * NANOS_PER_SECOND
    lag_ns: Nanos = 500 * NANOS_PER_MILLISECOND
    old_ns: Nanos = 10 * NANOS_PER_SECOND


class TransportSigns(msgspec.Struct, frozen=True, gc=False):
    """What is known of a connection. ``silence_ns`` is the time since its last sign of life, whatever that was."""

    is_open: bool
    was_open: bool
    silence_ns: Nanos


class BookSigns(msgspec.Struct, frozen=True, gc=False):
    """What is known of a book or pool. ``lag_ns`` is None without a venue time, ``quiet_ns`` before the first state."""

    is_synced: bool
    was_synced: bool
    lag_ns: Nanos | None
    quiet_ns: Nanos | None


def transport_state(signs: TransportSigns, limits: FeedLimits) -> FeedState:
    """Return LOST, CONNECTING or DEAD; SYNCED for a transport that is alive."""
    if not signs.is_open:
        return FeedState.LOST if signs.was_open else FeedState.CONNECTING
    return FeedState.DEAD if signs.silence_ns > limits.alive_ns else FeedState.SYNCED


def book_state(transport: FeedState, signs: BookSigns, limits: FeedLimits) -> FeedState:
    """Return the state of one book on a transport of this state: never better than the transport's."""
    if transport is not FeedState.SYNCED:
        return transport
    if not signs.is_synced:
        return FeedState.GAP if signs.was_synced else FeedState.CONNECTING
    lag_ns = signs.lag_ns
    if lag_ns is not None and lag_ns > limits.lag_ns:
        return FeedState.DEAD if lag_ns > limits.old_ns else FeedState.LAGGING
    is_quiet = signs.quiet_ns is None or signs.quiet_ns > limits.quiet_ns
    return FeedState.QUIET if is_quiet else FeedState.SYNCED


def feed_state(transport: FeedState, books: Sequence[FeedState]) -> FeedState:
    """Return the worst state of all; quiet only when everything is."""
    if transport is not FeedState.SYNCED:
        return transport
    for state in _FROM_WORST:
        if state in books:
            return state
    return FeedState.SYNCED if FeedState.SYNCED in books else FeedState.QUIET
