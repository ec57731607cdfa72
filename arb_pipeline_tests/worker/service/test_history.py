"""The past goes through the same intake, pump and record as the present."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from arb_pipeline_tests.fixtures.kept_record import KeptRecord
from arb_pipeline_tests.fixtures.market import GEMINI, START_NS, settings
from streaming_worker.adapters.clock import HandClock
from streaming_worker.core.events import BookSnapshot, ClockTick, FeedConnected, FeedGap, FeedLost
from streaming_worker.engine.engine import Engine
from streaming_worker.errors import FeedError
from streaming_worker.protocols.base import HttpRequest
from streaming_worker.protocols.gemini_v2 import GeminiV2
from streaming_worker.service.gaps import STOPPED, GapLedger
from streaming_worker.service.history import FRAMES_BETWEEN_PAUSES, HistoryCount, capture_history
from streaming_worker.service.pump import Pump

SNAPSHOT = json.dumps(
    {
        "type": "l2_updates",
        "symbol": "SOLUSD",
        "changes": [["buy", "149.99", "1"], ["sell", "150.01", "2"]],
        "trades": [],
        "auction_events": [],
    }
).encode()


@dataclass(frozen=True)
class Frame:
    received_ns: int
    kind: str
    data: bytes = b""
    feed: str = "venue"
    request: str | None = None


class Past:
    def __init__(self, *frames: Frame) -> None:
        self._frames = frames
        self.sent: list[tuple[str, bytes]] = []
        self.calls: list[HttpRequest] = []

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)

    def send(self, feed: str, frame: bytes) -> None:
        self.sent.append((feed, frame))

    def call(self, feed: str, request: HttpRequest) -> None:
        self.calls.append(request)


class Rig:
    def __init__(self) -> None:
        self.record = KeptRecord()
        self.pump = Pump(Engine(settings()), self.record, clock=HandClock(), gaps=GapLedger(settings().feeds))
        self.progress: list[int] = []

    async def capture(self, past: Past) -> HistoryCount:
        protocol = GeminiV2("gemini", [settings().instruments[1]])
        return await capture_history(
            past,
            {"venue": protocol},
            pump=self.pump,
            record=self.record,
            has_raw_frames=True,
            progress=self.progress.append,
        )

    @property
    def kinds(self) -> list[type]:
        return [type(event) for _, event in self.record.events if not isinstance(event, ClockTick)]


async def test_frames_keep_their_own_time_and_the_subscription_goes_back_to_the_past() -> None:
    rig = Rig()
    past = Past(Frame(START_NS, "connected"), Frame(START_NS + 250_000_000, "frame", SNAPSHOT))
    count = await rig.capture(past)
    assert (count.frames, count.received_ns) == (2, START_NS + 250_000_000)
    assert rig.kinds == [FeedConnected, BookSnapshot, FeedLost]
    assert [event.received_ns - START_NS for _, event in rig.record.events] == [
        0, 100_000_000, 200_000_000, 250_000_000, 250_000_000,
    ]  # fmt: skip
    ((feed, subscription),) = past.sent
    assert (feed, b"SOLUSD" in subscription) == ("venue", True)
    assert [kind for _, kind, _ in rig.record.raw_frames] == ["send", "recv"]
    assert rig.record.events[-1][1] == FeedLost("gemini", 1, STOPPED, None, START_NS + 250_000_000)
    assert rig.record.gaps == []


async def test_a_bad_frame_is_a_dead_letter_and_a_hang_up_a_loss() -> None:
    rig = Rig()
    await rig.capture(
        Past(
            Frame(START_NS, "connected"),
            Frame(START_NS + 1, "frame", SNAPSHOT),
            Frame(START_NS + 2, "frame", b"<html>"),
            Frame(START_NS + 3, "closed", b"too slow"),
        )
    )
    assert rig.kinds == [FeedConnected, BookSnapshot, FeedGap, FeedLost]
    assert [letter[2] for letter in rig.record.dead_letters] == [b"<html>"]
    assert rig.record.gaps == [("gemini", GEMINI, "bad_frame", START_NS + 1, START_NS + 3)]
    assert rig.record.events[-1][1] == FeedLost("gemini", 1, "too slow", None, START_NS + 3)


async def test_a_full_record_is_waited_for_and_progress_is_told() -> None:
    rig = Rig()
    rig.record.is_saturated = True
    frames = [Frame(START_NS + number, "frame", SNAPSHOT) for number in range(FRAMES_BETWEEN_PAUSES)]
    await rig.capture(Past(Frame(START_NS, "connected"), *frames))
    assert rig.progress == [START_NS + FRAMES_BETWEEN_PAUSES - 2]
    assert (rig.record.waits, rig.pump.sink_pauses) == (1, 1)


async def test_a_frame_of_no_known_kind_is_an_error() -> None:
    with pytest.raises(FeedError, match="'smoke'"):
        await Rig().capture(Past(Frame(START_NS, "smoke")))
