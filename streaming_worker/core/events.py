"""Every input of the engine, as frozen values in one total order.

Prices and sizes are ``_e8`` integers; times are UTC nanoseconds; ``exchange_ns`` is the venue's own
time and None where the venue gives none. ``instrument`` and ``pool`` are registry keys.
"""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from streaming_worker.core.amm.pool_state import OracleState, TickArray, WhirlpoolState
from streaming_worker.core.controls import Controls

Levels: TypeAlias = list[tuple[int, int]]
"""(price_e8, size_e8) in the venue's order; in a delta size 0 removes the level."""


class GapCause(StrEnum):
    """Why a book or a feed stopped being trustworthy."""

    SEQUENCE = "sequence"
    HEARTBEAT_COUNTER = "heartbeat_counter"
    UPDATE_ID = "update_id"
    BAD_FRAME = "bad_frame"
    CROSSED = "crossed"
    INCONSISTENT_POOL = "inconsistent_pool"
    QUEUE_OVERFLOW = "queue_overflow"
    UNALIGNED_SNAPSHOT = "unaligned_snapshot"
    CROSS_CHECK = "cross_check"
    WORKER_RESTART = "worker_restart"


class TakerSide(StrEnum):
    """Which way the aggressor traded; UNKNOWN for auctions and block trades."""

    BUY = "buy"
    SELL = "sell"
    UNKNOWN = "unknown"


class BookSnapshot(msgspec.Struct, frozen=True, gc=False, tag="book_snapshot"):
    """The whole book; replaces what is held. ``sequence`` is the venue's number where it has one."""

    instrument: str
    bids: Levels
    asks: Levels
    exchange_ns: int | None
    received_ns: int
    sequence: int | None = None


class BookDelta(msgspec.Struct, frozen=True, gc=False, tag="book_delta"):
    """Changed levels with absolute sizes; 0 removes."""

    instrument: str
    bids: Levels
    asks: Levels
    exchange_ns: int | None
    received_ns: int
    sequence: int | None = None


class TradePrint(msgspec.Struct, frozen=True, gc=False, tag="trade_print"):
    """A trade that the venue reports; ``is_historical`` marks those replayed at subscribe."""

    instrument: str
    trade_id: str
    price_e8: int
    size_e8: int
    taker_side: TakerSide
    exchange_ns: int | None
    received_ns: int
    is_historical: bool = False


class PoolUpdate(msgspec.Struct, frozen=True, gc=False, tag="pool_update"):
    """A pool account as read at ``slot``."""

    pool: str
    slot: int
    state: WhirlpoolState
    received_ns: int


class TickArrayUpdate(msgspec.Struct, frozen=True, gc=False, tag="tick_array_update"):
    """One tick array as read at ``slot``; an account that does not exist has no ticks."""

    pool: str
    slot: int
    array: TickArray
    received_ns: int


class OracleUpdate(msgspec.Struct, frozen=True, gc=False, tag="oracle_update"):
    """The oracle of an adaptive-fee pool as read at ``slot``."""

    pool: str
    slot: int
    state: OracleState
    received_ns: int


class PriorityFees(msgspec.Struct, frozen=True, gc=False, tag="priority_fees"):
    """What landed transactions that write a pool's accounts paid for priority, the least of each recent slot.

    Units: ``fees`` micro-lamports per compute unit, lowest first; ``slot`` is the newest slot among them.
    Source: solana.com/docs/rpc/http/getrecentprioritizationfees.
    """

    pool: str
    slot: int
    fees: tuple[int, ...]
    received_ns: int


class ChainClock(msgspec.Struct, frozen=True, gc=False, tag="chain_clock"):
    """The Clock sysvar: the slot it was read at and the chain's own second."""

    venue: str
    slot: int
    unix_timestamp: int
    received_ns: int


class SlotAdvanced(msgspec.Struct, frozen=True, gc=False, tag="slot_advanced"):
    """The node moved to ``slot``: the chain's heartbeat. Slots may skip and may go backwards."""

    venue: str
    slot: int
    received_ns: int


class FeedConnected(msgspec.Struct, frozen=True, gc=False, tag="feed_connected"):
    """A transport is up and subscribed; every book of this feed waits for its snapshot."""

    feed: str
    connection: int
    received_ns: int


class FeedLost(msgspec.Struct, frozen=True, gc=False, tag="feed_lost"):
    """A transport is gone; every book of this feed is invalid from here on."""

    feed: str
    connection: int
    reason: str
    close_code: int | None
    received_ns: int


class FeedGap(msgspec.Struct, frozen=True, gc=False, tag="feed_gap"):
    """A loss inside a connection. ``instrument`` is None when the whole feed is affected."""

    feed: str
    instrument: str | None
    cause: GapCause
    expected: int | None
    received: int | None
    received_ns: int


class FeedHeartbeat(msgspec.Struct, frozen=True, gc=False, tag="feed_heartbeat"):
    """The venue says it is alive; it says nothing about any book."""

    feed: str
    exchange_ns: int | None
    counter: int | None
    received_ns: int


class CommandKind(StrEnum):
    """What an operator can ask for. There is no command that trades."""

    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"
    SET_LIMITS = "set_limits"
    HALT = "halt"
    RELEASE = "release"


class LimitSetting(msgspec.Struct, frozen=True, gc=False):
    """A new value for one of the engine's limits, by its name and in its unit."""

    name: str
    value: int


class OperatorCommand(msgspec.Struct, frozen=True, gc=False, tag="operator_command"):
    """A command with who gave it and why; ``command_id`` makes it idempotent.

    ``limits`` is for SET_LIMITS only, and so is ``expires_ns``: from then on the limits are again what they were.
    ``scope`` is for HALT and RELEASE only: ``venue:gemini`` or ``pair:SOL/USD``.
    """

    command_id: str
    kind: CommandKind
    actor: str
    reason: str
    received_ns: int
    limits: tuple[LimitSetting, ...] = ()
    scope: str | None = None
    expires_ns: int | None = None


class ControlsRestored(msgspec.Struct, frozen=True, gc=False, tag="controls_restored"):
    """The first event of a run that follows another: what people had set there, and what the day had used."""

    controls: Controls
    received_ns: int


class ClockTick(msgspec.Struct, frozen=True, gc=False, tag="clock_tick"):
    """A point of the fixed 100 ms grid of event time, so that time passes without messages.

    ``late_ns`` is how far behind the worker itself was when it took this point: its queue, or its loop.
    """

    received_ns: int
    late_ns: int = 0


BookEvent: TypeAlias = BookSnapshot | BookDelta
PoolEvent: TypeAlias = PoolUpdate | TickArrayUpdate | OracleUpdate | PriorityFees
ChainEvent: TypeAlias = ChainClock | SlotAdvanced
FeedEvent: TypeAlias = FeedConnected | FeedLost | FeedGap | FeedHeartbeat
ControlEvent: TypeAlias = OperatorCommand | ControlsRestored
Event: TypeAlias = BookEvent | TradePrint | PoolEvent | ChainEvent | FeedEvent | ControlEvent | ClockTick
