"""A venue that says again what it once said: recorded frames in order, with their timing, byte for byte.

A connection starts to play at the client's first message, stays open and silent after the last frame, and
never drops a frame for a slow reader.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from streaming_worker.sandbox.captures import Recording, VenueCapture
from streaming_worker.sandbox.faces.session import NEVER, HttpCall, HttpReply, Output
from streaming_worker.sandbox.faces.wire import json_reply, split_target
from streaming_worker.sandbox.market.changes import MarketChange

_MOST_AT_ONCE: Final = 200


class PlaybackFace:
    """The n-th connection of a client gets the n-th recorded one; after the last it begins again with the first.

    ``speed`` None plays without waiting.
    """

    def __init__(self, capture: VenueCapture, *, speed: int | None) -> None:
        self._capture = capture
        self._speed = speed
        self._opened = 0
        self._finished: set[str] = set()

    @property
    def done(self) -> bool:
        """Whether every recorded connection has been played to its end."""
        return len(self._finished) == len(self._capture.recordings)

    @property
    def frame_count(self) -> int:
        """How many frames all recorded connections have."""
        return sum(len(recording.frames) for recording in self._capture.recordings)

    def open(self, _path: str, _query: Mapping[str, str], _now_ns: int) -> "PlaybackSession":
        """Begin to play the next recorded connection."""
        recordings = self._capture.recordings
        recording = recordings[self._opened % len(recordings)] if recordings else Recording(name="none", frames=[])
        self._opened += 1
        return PlaybackSession(recording, speed=self._speed, finished=self._finished)

    def answer(self, call: HttpCall, _now_ns: int) -> HttpReply:
        """Return the recorded body of this target, with or without its query."""
        body = self._capture.bodies.get(call.path)
        if body is None:
            body = self._capture.bodies.get(split_target(call.path)[0])
        if body is None:
            return json_reply({"error": "not recorded"}, status=404)
        return HttpReply(status=200, body=body)


class PlaybackSession:
    """One connection that plays one recording."""

    waits_for_reader = True

    def __init__(self, recording: Recording, *, speed: int | None, finished: set[str]) -> None:
        self._recording = recording
        self._speed = speed
        self._finished = finished
        self._started_ns: int | None = None
        self._position = 0

    def receive(self, _frame: bytes, now_ns: int) -> Sequence[Output]:
        """Start at the first message; whatever it says, the answer is the recording's."""
        if self._started_ns is None:
            self._started_ns = now_ns
        return self.on_market((), now_ns)

    def on_market(self, _changes: Sequence[MarketChange], now_ns: int) -> Sequence[Output]:
        """Return the frames that are due, a bounded number at a time."""
        frames: list[Output] = []
        while len(frames) < _MOST_AT_ONCE and self.due_ns() <= now_ns:
            frames.append(self._recording.frames[self._position][1])
            self._position += 1
        if self._started_ns is not None and self._position == len(self._recording.frames):
            self._finished.add(self._recording.name)
        return frames

    def due_ns(self) -> int:
        """Return when the next frame is due: NEVER before the first message and after the last frame."""
        if self._started_ns is None or self._position == len(self._recording.frames):
            return NEVER
        if self._speed is None:
            return self._started_ns
        return self._started_ns + self._recording.frames[self._position][0] // self._speed
