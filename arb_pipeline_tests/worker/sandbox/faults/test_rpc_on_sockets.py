"""A node that lags, lies, goes back, or mixes up who has subscribed to what; and venues whose clocks are wrong."""

import base64
import json
import struct
from itertools import pairwise
from typing import Any

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.faces.solana_accounts import CLOCK_ADDRESS
from streaming_worker.sandbox.market.genesis import POOL_ADDRESS

pytestmark = pytest.mark.asyncio(loop_scope="module")
BASE64 = {"encoding": "base64"}


def is_account(frame: Any) -> bool:
    return frame.get("method") == "accountNotification"


def is_slot(frame: Any) -> bool:
    return frame.get("method") == "slotNotification"


def slot_of(frame: Any) -> int:
    result = frame["params"]["result"]
    return int(result["slot"] if is_slot(frame) else result["context"]["slot"])


def pool_of(value: Any) -> tuple[int, int, int]:
    """Return liquidity, square-root price and tick of a pool account."""
    data = base64.b64decode(value["data"][0])
    return (
        int.from_bytes(data[49:65], "little"),
        int.from_bytes(data[65:81], "little"),
        struct.unpack_from("<i", data, 81)[0],
    )


async def test_a_lagging_node_answers_and_notifies_from_the_past(rig: Any) -> None:
    client = await rig.client("solana")
    for _ in range(12):
        await client.until(is_slot)
    await rig.begin("rpc_lag", "solana", slots=5)
    reply = (await rig.rpc("getMultipleAccounts", [POOL_ADDRESS], BASE64)).json()["result"]
    market = rig.sandbox.hub.market
    assert 4 <= market.pool.slot - reply["context"]["slot"] <= 8
    at_ns = rig.sandbox.journal._slots[-6].ns
    past = rig.sandbox.journal.slot(at_ns)
    if past.slot == reply["context"]["slot"]:
        assert pool_of(reply["value"][0])[1] == past.market.pool.sqrt_price_x64
    error = (await rig.rpc("getSlot", {"minContextSlot": market.pool.slot})).json()["error"]
    assert error["code"] == -32016
    for _ in range(8):
        frame = await client.until(is_slot)
    assert market.pool.slot - slot_of(frame) >= 3


@pytest.mark.parametrize("lie", ["malformed", "inconsistent", "plausible"])
async def test_a_lying_node_tells_of_another_pool_than_there_is(rig: Any, lie: str) -> None:
    market = rig.sandbox.hub.market
    await rig.begin("rpc_lie", "solana", via="http", lie=lie)
    rig.sandbox.hub.is_resting = True
    truth = market.pool.market.pool
    told = (await rig.rpc("getMultipleAccounts", [POOL_ADDRESS, POOL_ADDRESS], BASE64)).json()["result"]["value"]
    assert told[0] == told[1]
    if lie == "malformed":
        assert told[0]["owner"].startswith("111") or len(base64.b64decode(told[0]["data"][0])) != 653
        return
    liquidity, sqrt_price, tick = pool_of(told[0])
    assert tick == truth.tick_current_index
    assert (liquidity == truth.liquidity) == (lie == "inconsistent")
    assert (sqrt_price == truth.sqrt_price_x64) == (lie == "plausible")


async def test_notifications_can_lie_too(rig: Any) -> None:
    client = await rig.client("solana")
    fault = await rig.begin("rpc_lie", "solana", lie="malformed", most=3)
    odd = 0
    for _ in range(60):
        frame = await client.hear()
        if is_account(frame):
            value = frame["params"]["result"]["value"]
            size = len(base64.b64decode(value["data"][0]))
            odd += size not in (40, 653) or value["owner"].startswith("111")
        if odd == 3:
            break
    assert odd == 3
    assert (await rig.fault(fault))["affected"] == 3


async def test_slots_go_back_and_are_told_again(rig: Any) -> None:
    client = await rig.client("solana")
    slots = [slot_of(await client.until(is_slot)) for _ in range(15)]
    fault = await rig.begin("rpc_rewind", "solana", duration_ms=0, slots=10)
    slots += [slot_of(await client.until(is_slot)) for _ in range(25)]
    falls = [early - late for early, late in pairwise(slots) if late < early]
    assert len(falls) == 1
    assert 5 <= falls[0] <= 14
    assert (await rig.fault(fault))["affected"] > 10


@pytest.mark.parametrize("lie", ["malformed", "inconsistent"])
async def test_subscription_ids_can_be_unknown_or_those_of_others(rig: Any, lie: str) -> None:
    client = await rig.client("solana")
    known = {(await client.until(lambda frame: "result" in frame))["result"] for _ in range(3)}
    await rig.begin("wrong_subscription", "solana", lie=lie, most=4)
    sizes: dict[int, set[int]] = {number: set() for number in known}
    unknown = 0
    for _ in range(50):
        frame = await client.hear()
        number = frame["params"]["subscription"]
        unknown += number not in known
        if number in known:
            sizes[number].add(len(frame["params"]["result"].get("value", {}).get("data", "")))
    if lie == "malformed":
        assert unknown == 4
    else:
        assert unknown == 0
        assert any(len(found) > 1 for found in sizes.values())


@pytest.mark.parametrize("skew_ms", [-2_000, 6_000])
async def test_times_of_every_venue_are_moved(rig: Any, skew_ms: int) -> None:
    def read(venue: str, frame: Any) -> int | None:
        """Return a frame's time in milliseconds."""
        match venue:
            case "gemini" if "E" in frame:
                return int(frame["E"]) // 1_000_000
            case "gemini_v2" if "timestamp" in frame:
                return int(frame["timestamp"])
            case "bitstamp" if frame["event"] == "data":
                assert frame["data"]["microtimestamp"].startswith(frame["data"]["timestamp"])
                return int(frame["data"]["microtimestamp"]) // 1_000
            case _:
                return None

    for venue in ("gemini", "gemini_v2", "bitstamp"):
        client = await rig.client(venue)
        await client.until(lambda frame, venue=venue: read(venue, frame) is not None)
        await rig.begin("clock_skew", venue, skew_ms=skew_ms)
        for _ in range(400):
            frame = await client.hear()
            now_ms = rig.sandbox.hub.now_ns() // 1_000_000
            stamp = read(venue, frame)
            if stamp is not None and abs(stamp - now_ms - skew_ms) < 1_000:
                break
        else:
            raise AssertionError(venue)


async def test_coinbase_and_the_chain_have_moved_times_too(rig: Any) -> None:
    client = await rig.client("coinbase")
    await rig.begin("clock_skew", "coinbase", skew_ms=3_600_000)

    def is_moved(frame: Any, channel: str) -> bool:
        # what was sent before the fault began may still come
        return bool(frame["channel"] == channel and frame["timestamp"].startswith("2026-09-21T15:"))

    await client.until(lambda frame: is_moved(frame, "heartbeats"))
    late = await client.until(lambda frame: is_moved(frame, "l2_data"))
    assert late["events"][0]["updates"][0]["event_time"].startswith("2026-09-21T15:")
    before_ns = rig.sandbox.hub.now_ns()
    truth = (await rig.rpc("getAccountInfo", CLOCK_ADDRESS, BASE64)).json()["result"]["value"]
    await rig.begin("clock_skew", "solana", skew_ms=6_000)
    moved = (await rig.rpc("getAccountInfo", CLOCK_ADDRESS, BASE64)).json()["result"]["value"]
    passed_seconds = (rig.sandbox.hub.now_ns() - before_ns) // 10**9

    def second(value: Any) -> int:
        return int(struct.unpack_from("<q", base64.b64decode(value["data"][0]), 32)[0])

    assert 6 <= second(moved) - second(truth) <= 8 + passed_seconds
    assert json.dumps(moved).replace(moved["data"][0], "") == json.dumps(truth).replace(truth["data"][0], "")


async def test_the_truth_of_each_moment_can_be_told_and_no_fault_has_touched_it(rig: Any) -> None:
    control = rig.sandbox.urls["control_http"]
    client = await rig.client("coinbase")
    before_ns = rig.sandbox.hub.now_ns()
    fault = await rig.begin("corrupt_values", "coinbase", lie="plausible")
    await client.gather(30)
    ended = await rig.end(fault)
    assert ended["affected"] > 5
    await rig.http.post(f"{control}/market/rest")
    book = rig.sandbox.hub.market.book("coinbase", "SOL-USD")
    await client.until(lambda frame: frame["channel"] == "heartbeats")
    now = (await rig.http.get(f"{control}/truth/coinbase/SOL-USD")).json()
    told = (await rig.http.get(f"{control}/truth/coinbase/SOL-USD", params={"at_ns": book.changed_ns})).json()
    assert told == now
    assert now["bids"][0][0] == str(book.bids.best / 100).rstrip("0").rstrip(".")
    then = (await rig.http.get(f"{control}/truth/coinbase/SOL-USD", params={"at_ns": before_ns})).json()
    assert then != now
    assert then["changed_ns"] <= before_ns
    pool = (await rig.http.get(f"{control}/truth/orca/{POOL_ADDRESS}", params={"at_ns": before_ns})).json()
    assert pool["slot_ns"] <= before_ns
    active = (await rig.http.get(f"{control}/faults", params={"at_ns": ended["first_ns"]})).json()
    assert [record["number"] for record in active] == [fault]
    assert (await rig.http.get(f"{control}/faults", params={"at_ns": before_ns})).json() == []
    for at_ns in (before_ns - 3_600 * NANOS_PER_SECOND, before_ns + 3_600 * NANOS_PER_SECOND):
        reply = await rig.http.get(f"{control}/truth/coinbase/SOL-USD", params={"at_ns": at_ns})
        assert reply.status_code == 404
    assert (await rig.http.get(f"{control}/truth/coinbase/SOL-USD", params={"at_ns": "x"})).status_code == 400
    await rig.http.post(f"{control}/market/go")
    await client.until(lambda frame: frame["channel"] == "l2_data")
    later = (await rig.http.get(f"{control}/truth/coinbase/SOL-USD")).json()
    assert later["update_id"] > now["update_id"]
