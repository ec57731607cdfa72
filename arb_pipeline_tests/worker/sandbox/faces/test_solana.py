"""A node's answers: subscriptions by id, notifications per slot, null for absent accounts, the documented errors."""

import base64
import json
from collections.abc import Callable
from struct import unpack_from
from typing import Any

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.faces.session import HttpCall
from streaming_worker.sandbox.faces.solana import SolanaFace, SolanaSession
from streaming_worker.sandbox.faces.solana_accounts import CLOCK_ADDRESS, oracle_address, tick_array_address
from streaming_worker.sandbox.market.changes import MarketChange, SlotAdvanced
from streaming_worker.sandbox.market.genesis import MINT_USDC, POOL_ADDRESS
from streaming_worker.sandbox.market.stepper import Market

SECONDS = NANOS_PER_SECOND
BASE64 = {"encoding": "base64", "commitment": "confirmed"}
Decode = Callable[[Any], list[Any]]


def rpc(method: str, *params: Any, number: Any = 1) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()


@pytest.fixture
def session(market: Market, start_ns: int) -> SolanaSession:
    return SolanaFace(market).open("/", {}, start_ns)


def slots_of(changes: list[MarketChange]) -> list[SlotAdvanced]:
    return [change for change in changes if isinstance(change, SlotAdvanced)]


def test_subscriptions_get_ids_of_their_own(session: SolanaSession, start_ns: int, decode: Decode) -> None:
    one = decode(session.receive(rpc("slotSubscribe", number=1), start_ns))[0]
    two = decode(session.receive(rpc("accountSubscribe", POOL_ADDRESS, BASE64, number="two"), start_ns))[0]
    assert list(one) == ["jsonrpc", "result", "id"]
    assert (one["id"], two["id"]) == (1, "two")
    assert isinstance(one["result"], int)
    assert one["result"] != two["result"]


def test_every_block_is_notified_and_accounts_only_when_written(
    session: SolanaSession, market: Market, start_ns: int, decode: Decode
) -> None:
    slot_id = decode(session.receive(rpc("slotSubscribe"), start_ns))[0]["result"]
    pool_id = decode(session.receive(rpc("accountSubscribe", POOL_ADDRESS, BASE64), start_ns))[0]["result"]
    changes = market.step(start_ns + 40 * SECONDS)
    frames = decode(session.on_market(changes, market.now_ns))
    slots = [f["params"]["result"]["slot"] for f in frames if f["method"] == "slotNotification"]
    assert slots == [change.slot for change in slots_of(changes)]
    assert {f["params"]["subscription"] for f in frames if f["method"] == "slotNotification"} == {slot_id}
    pools = [f["params"] for f in frames if f["method"] == "accountNotification"]
    assert {p["subscription"] for p in pools} == {pool_id}
    written = [change for change in slots_of(changes) if change.pool_written]
    assert 0 < len(written) < len(slots)
    for params, change in zip(pools, written, strict=True):
        value = params["result"]["value"]
        data = base64.b64decode(value["data"][0])
        assert params["result"]["context"] == {"slot": change.slot}
        assert int.from_bytes(data[65:81], "little") == change.market.pool.sqrt_price_x64
        assert (value["data"][1], value["space"], value["rentEpoch"]) == ("base64", 653, 2**64 - 1)


def test_a_changed_tick_array_is_notified_in_its_block(
    session: SolanaSession, market: Market, start_ns: int, decode: Decode
) -> None:
    for start in market.pool.market.arrays:
        session.receive(rpc("accountSubscribe", tick_array_address(POOL_ADDRESS, start), BASE64), start_ns)
    changes = market.step(start_ns + 240 * SECONDS)
    frames = decode(session.on_market(changes, market.now_ns))
    wanted = [(change.slot, start) for change in slots_of(changes) for start in change.arrays_written]
    found = [
        (f["params"]["result"]["context"]["slot"], unpack_from("<i", data, 8)[0])
        for f in frames
        if (data := base64.b64decode(f["params"]["result"]["value"]["data"][0]))
    ]
    assert wanted
    assert found == wanted


def test_the_clock_is_written_by_every_block(
    session: SolanaSession, market: Market, start_ns: int, decode: Decode
) -> None:
    session.receive(rpc("accountSubscribe", CLOCK_ADDRESS, BASE64), start_ns)
    changes = market.step(start_ns + 10 * SECONDS)
    frames = decode(session.on_market(changes, market.now_ns))
    clocks = [base64.b64decode(f["params"]["result"]["value"]["data"][0]) for f in frames]
    assert [unpack_from("<Q", c, 0)[0] for c in clocks] == [change.slot for change in slots_of(changes)]
    assert [unpack_from("<q", c, 32)[0] for c in clocks] == [change.ns // SECONDS for change in slots_of(changes)]


def test_unsubscribing_silences_and_an_unknown_id_is_refused(
    session: SolanaSession, market: Market, start_ns: int, decode: Decode
) -> None:
    slot_id = decode(session.receive(rpc("slotSubscribe"), start_ns))[0]["result"]
    pool_id = decode(session.receive(rpc("accountSubscribe", POOL_ADDRESS, BASE64), start_ns))[0]["result"]
    assert decode(session.receive(rpc("slotUnsubscribe", slot_id), start_ns))[0]["result"] is True
    assert decode(session.receive(rpc("accountUnsubscribe", pool_id), start_ns))[0]["result"] is True
    refusal = decode(session.receive(rpc("accountUnsubscribe", pool_id), start_ns))[0]
    assert refusal["error"]["code"] == -32602
    assert session.on_market(market.step(start_ns + 5 * SECONDS), market.now_ns) == []


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"{", -32700),
        (b"[]", -32600),
        (b'{"id":1}', -32600),
        (rpc("ping"), -32601),
        (rpc("getSlot"), -32601),
        (rpc("accountSubscribe"), -32602),
        (rpc("accountSubscribe", "not a key", BASE64), -32602),
        (rpc("accountSubscribe", 5, BASE64), -32602),
        (rpc("accountSubscribe", POOL_ADDRESS, []), -32602),
        (rpc("accountSubscribe", POOL_ADDRESS, {"encoding": "base64", "commitment": []}), -32602),
        (rpc("accountSubscribe", POOL_ADDRESS, {"encoding": "base65"}), -32602),
        (rpc("accountSubscribe", POOL_ADDRESS), -32600),
        (rpc("slotUnsubscribe"), -32602),
    ],
)
def test_bad_requests_on_the_socket_get_the_documented_code(
    session: SolanaSession, start_ns: int, decode: Decode, frame: bytes, code: int
) -> None:
    assert decode(session.receive(frame, start_ns))[0]["error"]["code"] == code


class Node:
    """HTTP calls to one face."""

    def __init__(self, market: Market) -> None:
        self.face = SolanaFace(market)

    def call(self, body: bytes) -> tuple[int, Any]:
        reply = self.face.answer(HttpCall(key="", method="POST", path="/", body=body), 0)
        return reply.status, json.loads(reply.body)


@pytest.fixture
def node(market: Market) -> Node:
    return Node(market)


def test_many_accounts_come_in_one_context_with_null_for_the_absent(node: Node, market: Market) -> None:
    arrays = sorted(market.pool.market.arrays)
    absent = next(s for s in range(arrays[0], arrays[-1], 352) if s not in arrays)
    keys = [
        POOL_ADDRESS,
        tick_array_address(POOL_ADDRESS, arrays[7]),
        tick_array_address(POOL_ADDRESS, absent),
        oracle_address(POOL_ADDRESS),
        CLOCK_ADDRESS,
        MINT_USDC,
    ]
    status, body = node.call(rpc("getMultipleAccounts", keys, BASE64))
    assert status == 200
    assert body["result"]["context"]["slot"] == market.pool.slot
    values = body["result"]["value"]
    assert [value is None for value in values] == [False, False, True, True, False, False]
    assert list(values[0]) == ["data", "executable", "lamports", "owner", "rentEpoch", "space"]
    single = node.call(rpc("getAccountInfo", POOL_ADDRESS, {"encoding": "jsonParsed"}))[1]
    assert single["result"]["value"] == values[0]


def test_slots_health_and_version(node: Node, market: Market, start_ns: int) -> None:
    assert node.call(rpc("getSlot"))[1]["result"] == market.pool.slot
    market.step(start_ns + 60 * SECONDS)
    assert node.call(rpc("getSlot", {"commitment": "processed"}))[1]["result"] == market.pool.slot > 433_000_100
    assert node.call(rpc("getHealth"))[1]["result"] == "ok"
    assert "solana-core" in node.call(rpc("getVersion"))[1]["result"]
    assert node.face.answer(HttpCall(key="", method="GET", path="/health"), 0).body == b"ok"
    assert node.face.answer(HttpCall(key="", method="GET", path="/"), 0).status == 405


def test_a_slot_that_is_not_there_yet_is_refused_with_the_one_that_is(node: Node, market: Market) -> None:
    ahead = {**BASE64, "minContextSlot": market.pool.slot + 1}
    error = node.call(rpc("getMultipleAccounts", [POOL_ADDRESS], ahead))[1]["error"]
    assert error == {
        "code": -32016,
        "message": "Minimum context slot has not been reached",
        "data": {"contextSlot": market.pool.slot},
    }
    here = {**BASE64, "minContextSlot": market.pool.slot}
    assert "result" in node.call(rpc("getMultipleAccounts", [POOL_ADDRESS], here))[1]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"nonsense", -32700),
        (rpc("sendTransaction", "AA=="), -32601),
        (rpc("getMultipleAccounts"), -32602),
        (rpc("getMultipleAccounts", [CLOCK_ADDRESS] * 101, BASE64), -32602),
        (rpc("getMultipleAccounts", [CLOCK_ADDRESS]), -32600),
        (rpc("getMultipleAccounts", [CLOCK_ADDRESS], {**BASE64, "minContextSlot": "5"}), -32602),
    ],
)
def test_bad_calls_get_the_documented_code(node: Node, body: bytes, code: int) -> None:
    status, reply = node.call(body)
    assert (status, reply["error"]["code"]) == (200, code)


def test_refused_calls_are_429_and_end(node: Node) -> None:
    node.face.refuse_next(2)
    refused = [node.call(rpc("getSlot", number=number)) for number in (1, 2, 3)]
    assert [status for status, _ in refused] == [429, 429, 200]
    assert [body.get("error", {}).get("code") for _, body in refused] == [429, 429, None]
    assert [body["id"] for _, body in refused] == [1, 2, 3]
