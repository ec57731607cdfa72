"""One broadcast for all viewers: each change is put into JSON once, and every viewer has a short queue of its own.

A viewer that does not read is cut when its queue is full: the others never wait for it. Each topic numbers its
messages; after a break of the worker a ``gap`` says so, and a new snapshot follows.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from streaming_worker.api.identity.principal import Principal
from streaming_worker.api.identity.roles import Role
from streaming_worker.api.metrics import ApiMetrics
from streaming_worker.api.schemas.base import moment

WAITING: Final = 64
# In characters. One message alone may be longer.
WAITING_TEXT: Final = 4_000_000


class Topic(StrEnum):
    """What can be followed."""

    STATUS = "status"
    RISK = "risk"
    FEEDS = "feeds"
    BOOKS = "books"
    OPPORTUNITIES = "opportunities"
    TRADES = "trades"
    REJECTIONS = "rejections"
    INVENTORY = "inventory"
    ALERTS = "alerts"
    LOGS = "logs"


ROLE_OF_TOPIC: Final[Mapping[Topic, Role]] = dict.fromkeys(Topic, Role.VIEWER) | {Topic.LOGS: Role.OPERATOR}
"""A topic that is not here cannot be followed."""


class Kind(StrEnum):
    """What a message is."""

    SNAPSHOT = "snapshot"
    DELTA = "delta"
    GAP = "gap"
    HEARTBEAT = "heartbeat"


class CloseCode(StrEnum):
    """Why a stream was ended by us; the value is the reason, ``CODES`` has the number."""

    NOT_AUTHENTICATED = "not authenticated"
    FORBIDDEN = "origin or role not allowed"
    SLOW = "too slow"
    TOO_MANY = "too many streams from this address"
    BAD_MESSAGE = "message not understood"
    GOING_AWAY = "going away"


CODES: Final = {
    CloseCode.NOT_AUTHENTICATED: 4401,
    CloseCode.FORBIDDEN: 4403,
    CloseCode.SLOW: 4408,
    CloseCode.TOO_MANY: 4429,
    CloseCode.BAD_MESSAGE: 4400,
    CloseCode.GOING_AWAY: 1001,
}


@dataclass(slots=True, eq=False)
class Viewer:
    """One open stream: what it follows and what waits for it."""

    principal: Principal
    ip: str
    topics: set[Topic] = field(default_factory=set)
    waiting: deque[str] = field(default_factory=deque)
    waiting_text: int = 0
    has_news: asyncio.Event = field(default_factory=asyncio.Event)
    was_cut: asyncio.Event = field(default_factory=asyncio.Event)
    is_cut: CloseCode | None = None

    def offer(self, text: str) -> bool:
        """Queue a message; False where the queue is full, which ends the stream."""
        if self.is_cut is not None:
            return True
        is_long = self.waiting and self.waiting_text + len(text) > WAITING_TEXT
        if is_long or len(self.waiting) >= WAITING:
            self.cut(CloseCode.SLOW)
            return False
        self.waiting.append(text)
        self.waiting_text += len(text)
        self.has_news.set()
        return True

    def take(self) -> str:
        """Return the message whose turn it is."""
        text = self.waiting.popleft()
        self.waiting_text -= len(text)
        return text

    def cut(self, why: CloseCode) -> None:
        """End the stream; what waits is dropped."""
        self.is_cut = why
        self.waiting.clear()
        self.waiting_text = 0
        self.was_cut.set()


class Broadcaster:
    """Numbers, encodes and hands out. ``snapshots`` make a topic's whole state, as JSON."""

    def __init__(self, metrics: ApiMetrics) -> None:
        self._metrics = metrics
        self._viewers: set[Viewer] = set()
        self._numbers = dict.fromkeys(Topic, 0)
        self._snapshots: dict[Topic, Callable[[], bytes]] = {}

    def set_snapshot(self, topic: Topic, make: Callable[[], bytes]) -> None:
        """Say how a topic's whole state is made."""
        self._snapshots[topic] = make

    @property
    def viewer_count(self) -> int:
        """How many streams are open."""
        return len(self._viewers)

    def is_wanted(self, topic: Topic) -> bool:
        """Return whether anybody follows a topic."""
        return any(topic in viewer.topics for viewer in self._viewers)

    def viewers_of(self, ip: str) -> int:
        """Return how many streams an address holds."""
        return sum(viewer.ip == ip for viewer in self._viewers)

    def add(self, viewer: Viewer) -> None:
        """Take a viewer in."""
        self._viewers.add(viewer)
        self._metrics.viewers.set(len(self._viewers))

    def remove(self, viewer: Viewer) -> None:
        """Let a viewer go."""
        self._viewers.discard(viewer)
        self._metrics.viewers.set(len(self._viewers))
        if viewer.is_cut is not None:
            self._metrics.viewers_cut.labels(viewer.is_cut.name.lower()).inc()

    def subscribe(self, viewer: Viewer, topics: Iterable[Topic]) -> list[Topic]:
        """Follow topics, each beginning with its snapshot; returns those that the viewer's role does not allow."""
        refused = []
        for topic in topics:
            role = ROLE_OF_TOPIC.get(topic)
            if role is None or not viewer.principal.role.includes(role):
                refused.append(topic)
            elif topic not in viewer.topics:
                viewer.topics.add(topic)
                viewer.offer(self._message(topic, Kind.SNAPSHOT, self._snapshots[topic]()))
        return refused

    def publish(self, topic: Topic, data: bytes, kind: Kind = Kind.DELTA) -> None:
        """Hand a change to everybody who follows the topic; encoded once."""
        self._numbers[topic] += 1
        self._hand_out(topic, self._message(topic, kind, data))

    def heartbeat(self, now_ns: int) -> str:
        """Return a sign of life, which has the number of the newest status."""
        return self._message(Topic.STATUS, Kind.HEARTBEAT, msgspec.json.encode({"at": moment(now_ns)}))

    def start_over(self, why: str) -> None:
        """The worker was gone: what viewers know may be of another run."""
        for topic in Topic:
            if topic is not Topic.LOGS and self.is_wanted(topic):
                self.publish(topic, msgspec.json.encode({"why": why}), Kind.GAP)
                self.publish(topic, self._snapshots[topic](), Kind.SNAPSHOT)

    def cut_all(self, why: CloseCode, *, of: Callable[[Viewer], bool] = lambda _: True) -> None:
        """End the streams of some or of all."""
        for viewer in [viewer for viewer in self._viewers if of(viewer)]:
            viewer.cut(why)

    def _hand_out(self, topic: Topic, text: str) -> None:
        for viewer in list(self._viewers):
            if topic in viewer.topics:
                viewer.offer(text)
        self._metrics.stream_messages.inc()

    def _message(self, topic: Topic, kind: Kind, data: bytes) -> str:
        head = f'{{"topic":"{topic.value}","seq":{self._numbers[topic]},"kind":"{kind.value}","data":'
        return f"{head}{data.decode()}}}"


def items(parts: Sequence[bytes], removed: Sequence[str] = ()) -> bytes:
    """Return rows that are JSON already as the data of a message."""
    gone = b',"removed":' + msgspec.json.encode(list(removed)) if removed else b""
    return b'{"items":[' + b",".join(parts) + b"]" + gone + b"}"
