"""Each fault as a client sees it on a real socket, and as the control port tells it afterwards."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from streaming_worker.core.units import NANOS_PER_SECOND

pytestmark = pytest.mark.asyncio(loop_scope="module")
VENUES = ("coinbase", "coinbase_exchange", "gemini", "gemini_v2", "bitstamp", "solana")


def numbers(frames: list[Any]) -> list[int]:
    return [frame["sequence_num"] for frame in frames]


async def alone(client: Any, kind: str) -> list[Any]:
    """Read on until four frames of one kind have come in a row."""
    row: list[Any] = []
    for _ in range(1_000):
        frame = await client.hear()
        is_kind = kind in (frame.get("type"), frame.get("method"), frame.get("channel"))
        row = [*row, frame] if is_kind else []
        if len(row) == 4:
            return row
    raise AssertionError(f"never four {kind} in a row")


async def test_dropped_frames_leave_a_hole_in_the_sequence(rig: Any) -> None:
    client = await rig.client("coinbase")
    await client.until(lambda frame: frame["channel"] == "l2_data")
    fault = await rig.begin("drop", "coinbase", most=3)
    steps = [late - early for early, late in pairwise(numbers(await client.gather(60)))]
    assert sum(step - 1 for step in steps) == 3
    told = await rig.fault(fault)
    assert (told["affected"], len(told["connections"]), len(told["touches"])) == (3, 1, 3)
    assert told["started_ns"] <= told["first_ns"] <= told["last_ns"] <= told["ended_ns"]


async def test_only_frames_about_the_named_book_are_touched(rig: Any) -> None:
    client = await rig.client("coinbase")
    fault = await rig.begin("drop", "coinbase", symbol="SOL-USD")
    await alone(client, "heartbeats")
    told = await rig.end(fault)
    assert told["symbols"] == ["SOL-USD"]
    assert told["affected"] > 20


async def test_a_percentage_spares_the_others(rig: Any) -> None:
    client = await rig.client("coinbase")
    await client.hear()
    fault = await rig.begin("duplicate", "coinbase", percent=30)
    frames = numbers(await client.gather(150))
    twice = len(frames) - len(set(frames))
    assert 15 < twice < 90
    assert (await rig.fault(fault))["affected"] >= twice


async def test_duplicates_come_twice_in_a_row(rig: Any) -> None:
    client = await rig.client("gemini_v2")
    await client.raw()
    await rig.begin("duplicate", "gemini_v2", most=1)
    frames = [await client.raw()]
    async with asyncio.timeout(60):
        while len(frames) < 2 or frames[-1] != frames[-2]:
            frames.append(await client.raw())
    frames += [await client.raw() for _ in range(8)]
    assert sum(early == late for early, late in pairwise(frames)) == 1


async def test_a_reordered_frame_comes_after_its_follower(rig: Any) -> None:
    client = await rig.client("coinbase")
    await client.hear()
    await rig.begin("reorder", "coinbase", most=1)
    sequence = numbers(await client.gather(40))
    assert sorted(sequence) == list(range(sequence[0], sequence[0] + 40))
    assert sum(late < early for early, late in pairwise(sequence)) == 1


async def test_delayed_frames_keep_their_order_and_come_late(rig: Any) -> None:
    client = await rig.client("gemini")
    await client.gather(2)
    await rig.begin("delay", "gemini", delay_ms=3_000)
    seen = [await client.hear() for _ in range(40)]
    lag = rig.sandbox.hub.now_ns() - seen[-1]["E"]
    assert 2.9 * NANOS_PER_SECOND < lag < 8 * NANOS_PER_SECOND
    assert [frame["u"] for frame in seen] == sorted(frame["u"] for frame in seen)


@pytest.mark.parametrize("venue", VENUES)
async def test_damaged_frames_are_no_json(rig: Any, venue: str) -> None:
    client = await rig.client(venue)
    await client.raw()
    for kind in ("truncate", "corrupt_bytes"):
        await rig.begin(kind, venue, most=2)
    broken = 0
    for _ in range(60):
        try:
            json.loads(await client.raw())
        except ValueError:
            broken += 1
        if broken == 2:
            break
    assert broken == 2


async def test_a_half_open_socket_neither_sends_nor_answers_a_ping_until_it_breaks(rig: Any) -> None:
    client = await rig.client("solana")
    await client.gather(4)
    fault = await rig.begin("half_open", "solana")
    while not await client.is_silent(0.2):
        pass
    pong = await client.socket.ping()
    await asyncio.wait([asyncio.ensure_future(pong)], timeout=0.3)
    assert not pong.done()
    second = await rig.client("solana")
    assert await second.hear()
    assert (await rig.fault(fault))["ended_ns"] is None
    await rig.end(fault)
    assert await client.closed() is None
    with pytest.raises(ConnectionClosed):
        await pong


async def test_close_codes_arrive_as_they_were_ordered(rig: Any) -> None:
    for code in (1000, 1001, 1006, 1011, 1012, 1013, 4008):
        client = await rig.client("gemini")
        await client.hear()
        fault = await rig.begin("close", "gemini", duration_ms=0, close_code=code)
        assert await client.closed() == (None if code == 1006 else code)
        assert (await rig.fault(fault))["affected"] == 1
    assert await (await rig.client("gemini")).hear()


async def test_silence_still_answers_pings_and_what_is_lost_stays_lost(rig: Any) -> None:
    client = await rig.client("coinbase")
    await client.gather(5)
    fault = await rig.begin("silence", "coinbase", ending="lost")
    while not await client.is_silent(0.2):
        pass
    async with asyncio.timeout(60):
        await (await client.socket.ping())
    lost = (await rig.end(fault))["affected"]
    assert lost > 3
    assert (await client.hear())["sequence_num"] >= lost


async def test_a_backlog_comes_all_at_once_and_complete(rig: Any) -> None:
    client = await rig.client("coinbase")
    before = numbers(await client.gather(5))
    fault = await rig.begin("backlog", "coinbase")
    while not await client.is_silent(0.2):
        before.append(-1)
    held = (await rig.end(fault))["affected"]
    burst = numbers(await client.gather(held))
    assert burst == list(range(burst[0], burst[0] + held))


@pytest.mark.parametrize("ending", ["late", "close"])
async def test_heartbeats_go_on_alone_as_if_nothing_were_missing(rig: Any, ending: str) -> None:
    client = await rig.client("coinbase")
    last = numbers(await client.gather(8))[-1]
    fault = await rig.begin("silence_with_heartbeats", "coinbase", ending=ending, close_code=1013)
    beats = await alone(client, "heartbeats")
    assert all(late - early == 1 for early, late in pairwise(numbers(beats)))
    await rig.end(fault)
    if ending == "close":
        assert await client.closed() == 1013
        return
    frames = await client.gather(40)
    while frames[-1]["channel"] != "heartbeats":
        frames.append(await client.hear())
    first = numbers(beats)[-1] + 1
    assert numbers(frames) == list(range(first, first + len(frames)))
    assert first > last
    assert sum(frame["channel"] == "l2_data" for frame in frames) > 40


@pytest.mark.parametrize(("venue", "alive"), [("solana", "slotNotification"), ("gemini_v2", "heartbeat")])
async def test_only_data_is_silent_elsewhere_too(rig: Any, venue: str, alive: str) -> None:
    client = await rig.client(venue)
    await client.gather(4)
    await rig.begin("silence_with_heartbeats", venue, ending="lost")
    await alone(client, alive)


async def test_a_new_connection_may_get_heartbeats_only(rig: Any) -> None:
    old = await rig.client("coinbase")
    await old.hear()
    fault = await rig.begin("heartbeats_only", "coinbase", ending="close", close_code=1012)
    assert await old.closed() == 1012
    new = await rig.client("coinbase")
    frames = await new.gather(6)
    assert {frame["channel"] for frame in frames} == {"subscriptions", "heartbeats"}
    assert numbers(frames) == list(range(6))
    await rig.end(fault)
    assert await new.closed() == 1012
    assert await (await rig.client("coinbase")).until(lambda frame: frame["channel"] == "l2_data")


@pytest.mark.parametrize("ending", ["late", "lost"])
async def test_after_a_reconnect_the_old_book_is_told_again(rig: Any, ending: str) -> None:
    client = await rig.client("coinbase")
    first = await client.until(lambda frame: frame["channel"] == "l2_data")
    following = await client.until(lambda frame: frame["channel"] == "l2_data")
    await client.gather(30)
    await rig.begin("stale_replay", "coinbase", ending=ending)
    await client.closed()
    new = await rig.client("coinbase")
    frames = await new.gather(80)
    assert numbers(frames) == list(range(80))
    books = [frame["events"] for frame in frames if frame["channel"] == "l2_data"]
    assert books[:2] == [first["events"], following["events"]]
    snapshots = [events for events in books if events[0]["type"] == "snapshot"]
    assert len(snapshots) == (2 if ending == "late" else 1)


async def test_an_old_rest_book_is_given_again(rig: Any) -> None:
    path = "/api/v2/order_book/solusd/"
    client = await rig.client("bitstamp")
    old = (await rig.get("bitstamp", path)).content
    micros = int(json.loads(old)["microtimestamp"])

    def is_newer(frame: Any) -> bool:
        return frame["event"] == "data" and int(frame["data"]["microtimestamp"]) > micros + 4_000_000

    fault = await rig.begin("stale_replay", "bitstamp")
    assert await client.closed() is None
    await (await rig.client("bitstamp")).until(is_newer)
    assert (await rig.get("bitstamp", path)).content == old
    await rig.end(fault)
    assert (await rig.get("bitstamp", path)).content != old


async def test_calls_are_refused_with_and_without_a_time_to_wait(rig: Any) -> None:
    for status in (429, 500, 502, 503, 504):
        for retry_after_s in (None, 2):
            await rig.begin("http_status", "solana", status=status, retry_after_s=retry_after_s, most=2)
            replies = [await rig.rpc("getSlot") for _ in range(3)]
            assert [reply.status_code for reply in replies] == [status, status, 200]
            assert replies[0].headers.get("retry-after") == (None if retry_after_s is None else "2")
            assert status != 429 or replies[0].json()["error"]["code"] == 429


async def test_answers_can_be_slow_short_or_wrong(rig: Any) -> None:
    path = "/api/v2/order_book/solusd/"
    await rig.begin("truncate", "bitstamp", via="http", most=1)
    with pytest.raises(ValueError):
        (await rig.get("bitstamp", path)).json()
    await rig.begin("corrupt_values", "bitstamp", via="http", most=1, lie="inconsistent")
    body = (await rig.get("bitstamp", path)).json()
    prices = [float(price) for price, _ in body["bids"]]
    asks = [float(price) for price, _ in body["asks"]]
    assert prices != sorted(prices, reverse=True) or asks != sorted(asks)
    slow = await rig.begin("delay", "bitstamp", via="http", delay_ms=2_000)
    began = asyncio.get_running_loop().time()
    await rig.get("bitstamp", path)
    assert asyncio.get_running_loop().time() - began > 0.19
    assert (await rig.end(slow))["affected"] == 1


async def test_a_venue_may_refuse_to_open_a_socket(rig: Any) -> None:
    await rig.begin("refuse_connect", "gemini", status=503, retry_after_s=7, most=1)
    with pytest.raises(InvalidStatus) as refused:
        await rig.client("gemini")
    assert refused.value.response.status_code == 503
    assert refused.value.response.headers["retry-after"] == "7"
    assert await (await rig.client("gemini")).hear()


async def test_bitstamp_asks_to_reconnect_and_closes_when_the_time_is_up(rig: Any) -> None:
    client = await rig.client("bitstamp")
    await client.hear()
    fault = await rig.begin("request_reconnect", "bitstamp", duration_ms=3_000, close_code=1001)
    await client.until(lambda frame: frame["event"] == "bts:request_reconnect")
    assert (await rig.fault(fault))["ended_ns"] is None
    assert (await client.hear())["event"] == "data"
    assert await client.closed() == 1001
