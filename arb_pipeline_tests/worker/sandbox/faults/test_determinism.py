"""The same seed, script and frames give the same bytes; another seed gives others. Scripts are checked when read."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.errors import ConfigError
from streaming_worker.sandbox.faces.coinbase import CoinbaseFace
from streaming_worker.sandbox.faces.roster import VENUES
from streaming_worker.sandbox.faults.layer import FaultLayer
from streaming_worker.sandbox.faults.script import FaultScript, load_script
from streaming_worker.sandbox.faults.spec import FaultKind, FaultSpec
from streaming_worker.sandbox.hub import Wire
from streaming_worker.sandbox.market.stepper import Market

KINDS = (
    FaultKind.DROP,
    FaultKind.DUPLICATE,
    FaultKind.REORDER,
    FaultKind.TRUNCATE,
    FaultKind.CORRUPT_BYTES,
    FaultKind.CORRUPT_VALUES,
)


def script(seed: int) -> FaultScript:
    faults = tuple(
        FaultSpec(kind=kind, venue="coinbase", at_ms=1_000 * number, duration_ms=1_500, percent=40)
        for number, kind in enumerate(KINDS)
    )
    return FaultScript(seed=seed, faults=faults)


def play(start_ns: int, seed: int) -> tuple[list[Wire], list[Any]]:
    market = Market.start(seed=7, start_ns=start_ns)
    layer = FaultLayer(script=script(seed))
    session = CoinbaseFace(market).open("/", {}, start_ns)
    wires: list[Wire] = []
    for channel in ("heartbeats", "level2"):
        request = {"type": "subscribe", "channel": channel, "product_ids": ["SOL-USD"]}
        wires += layer("coinbase", 1, session.receive(json.dumps(request).encode(), start_ns), start_ns)
    while market.now_ns < start_ns + 9 * NANOS_PER_SECOND:
        now_ns = min(market.next_ns(), session.due_ns())
        changes = market.step(now_ns)
        layer.follow(changes, now_ns)
        wires += layer("coinbase", 1, session.on_market(changes, now_ns), now_ns)
    return wires, [(r.affected, r.started_ns, r.ended_ns, r.touches) for r in layer.log.everything()]


def test_a_seed_gives_the_same_faults_to_the_byte(start_ns: int) -> None:
    wires, records = play(start_ns, 3)
    assert (wires, records) == play(start_ns, 3)
    assert len(records) == len(KINDS)
    assert all(affected > 3 for affected, *_ in records)
    assert wires != play(start_ns, 4)[0]


def test_without_faults_every_frame_arrives_as_it_was(market: Market, start_ns: int) -> None:
    layer = FaultLayer()
    frames: Sequence[bytes] = [b'{"channel":"l2_data","sequence_num":4}', b"\xff", b""]
    assert list(layer("coinbase", 1, frames, start_ns)) == list(frames)
    assert layer.is_quiet


def test_a_script_repeats_when_it_says_so(start_ns: int) -> None:
    spec = FaultSpec(kind=FaultKind.DROP, venue="gemini", at_ms=500, duration_ms=100)
    layer = FaultLayer(script=FaultScript(repeat_ms=1_000, faults=(spec,)))
    for step in range(55):
        layer.follow((), start_ns + step * 100_000_000)
    starts = [(record.started_ns - start_ns) // 1_000_000 for record in layer.log.everything()]
    assert starts == [500, 1_500, 2_500, 3_500, 4_500]


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_scripts_come_from_toml_and_json(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"faults.{suffix}"
    if suffix == "toml":
        path.write_text('seed = 5\n[[faults]]\nkind = "close"\nvenue = "gemini"\nclose_code = 4001\nat_ms = 20\n')
    else:
        fault = {"kind": "close", "venue": "gemini", "close_code": 4001, "at_ms": 20}
        path.write_text(json.dumps({"seed": 5, "faults": [fault]}))
    spec = FaultSpec(kind=FaultKind.CLOSE, venue="gemini", close_code=4001, at_ms=20)
    assert load_script(path, VENUES) == FaultScript(seed=5, faults=(spec,))


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"kind": "explode"}, "explode"),
        ({"kind": "drop", "loudness": 3}, "loudness"),
        ({"kind": "drop", "venue": "kraken"}, "venue is one of"),
        ({"kind": "drop"}, "duration_ms above 0"),
        ({"kind": "drop", "duration_ms": 9, "percent": 0}, "percent"),
        ({"kind": "drop", "duration_ms": 9, "via": "http"}, "no form via http"),
        ({"kind": "rpc_lag", "duration_ms": 9}, "at solana only"),
        ({"kind": "close", "close_code": 999}, "close_code"),
        ({"kind": "http_status", "duration_ms": 9, "status": 200}, "status"),
        ({"kind": "drop", "duration_ms": 9, "most": 0}, "most"),
        ({"kind": "drop", "duration_ms": 9, "at_ms": -1}, "at_ms"),
        ({"kind": "delay", "duration_ms": 9, "delay_ms": 0}, "delay_ms"),
        ({"kind": "clock_skew", "duration_ms": 9, "skew_ms": 10**12}, "skew_ms"),
        ({"kind": "drop", "duration_ms": 10**12}, "duration_ms is"),
    ],
)
def test_a_wrong_fault_is_refused_by_name(tmp_path: Path, fault: dict[str, Any], named: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(json.dumps({"faults": [{"venue": "gemini", **fault}]}))
    with pytest.raises(ConfigError, match=named):
        load_script(path, VENUES)


@pytest.mark.parametrize(
    "content", ["", "[", '{"repeat_ms": 5, "faults": [{"kind":"close","venue":"gemini","at_ms":9}]}']
)
def test_a_broken_script_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"faults\.json"):
        load_script(path, VENUES)
    with pytest.raises(ConfigError, match="gone"):
        load_script(tmp_path / "gone.toml", VENUES)
