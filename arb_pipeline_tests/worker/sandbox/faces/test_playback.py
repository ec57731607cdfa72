"""A recording is played in order, with its timing, and then stays silent."""

import json

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.captures import Recording, VenueCapture
from streaming_worker.sandbox.faces.playback import PlaybackFace
from streaming_worker.sandbox.faces.session import NEVER, HttpCall

SECONDS = NANOS_PER_SECOND
FRAMES = [(0, b"one"), (2 * SECONDS, b"two"), (2 * SECONDS, b"three"), (9 * SECONDS, b"four")]


@pytest.fixture
def capture() -> VenueCapture:
    recordings = [Recording(name="a", frames=FRAMES), Recording(name="b", frames=[(0, b"other")])]
    return VenueCapture(recordings=recordings, bodies={"/book?x=1": b"[1]", "/symbols": b'["solusd"]'})


def test_nothing_is_said_before_the_client_speaks(capture: VenueCapture) -> None:
    session = PlaybackFace(capture, speed=1).open("/", {}, 0)
    assert session.on_market((), 1_000 * SECONDS) == []
    assert session.due_ns() == NEVER


@pytest.mark.parametrize(("speed", "moments"), [(1, (0, 2, 9)), (2, (0, 1, 4.5))])
def test_frames_keep_their_distance_divided_by_the_speed(
    capture: VenueCapture, speed: int, moments: tuple[float, ...]
) -> None:
    session = PlaybackFace(capture, speed=speed).open("/", {}, 0)
    start = 100 * SECONDS
    assert session.receive(b"subscribe", start) == [b"one"]
    dues = []
    said: list[object] = []
    while session.due_ns() != NEVER:
        dues.append((session.due_ns() - start) / SECONDS)
        assert session.on_market((), session.due_ns() - 1) == []
        said += session.on_market((), session.due_ns())
    assert said == [b"two", b"three", b"four"]
    assert tuple(dues) == moments[1:]


def test_at_full_speed_everything_comes_at_once_but_in_portions() -> None:
    frames = [(number * SECONDS, b"%d" % number) for number in range(450)]
    capture = VenueCapture(recordings=[Recording(name="long", frames=frames)])
    face = PlaybackFace(capture, speed=None)
    session = face.open("/", {}, 0)
    portions = [session.receive(b"go", 5), session.on_market((), 5), session.on_market((), 5)]
    assert [len(portion) for portion in portions] == [200, 200, 50]
    assert [frame for portion in portions for frame in portion] == [data for _, data in frames]
    assert face.done
    assert session.on_market((), 6) == []


def test_connections_get_recordings_in_turn_and_done_means_all(capture: VenueCapture) -> None:
    face = PlaybackFace(capture, speed=None)
    assert len(face.open("/", {}, 0).receive(b"", 0)) == 4
    assert not face.done
    assert face.open("/", {}, 0).receive(b"", 0) == [b"other"]
    assert face.done
    assert face.open("/", {}, 0).receive(b"", 0)[0] == b"one"
    assert face.frame_count == 5


def test_bodies_are_served_at_their_targets(capture: VenueCapture) -> None:
    face = PlaybackFace(capture, speed=1)

    def get(path: str) -> tuple[int, object]:
        reply = face.answer(HttpCall(key="", method="GET", path=path), 0)
        return reply.status, json.loads(reply.body)

    assert get("/book?x=1") == (200, [1])
    assert get("/symbols?unknown=2") == (200, ["solusd"])
    assert get("/nothing")[0] == 404


def test_a_venue_with_bodies_only_says_nothing() -> None:
    face = PlaybackFace(VenueCapture(bodies={"/x": b"1"}), speed=None)
    assert face.open("/", {}, 0).receive(b"hello", 0) == []
