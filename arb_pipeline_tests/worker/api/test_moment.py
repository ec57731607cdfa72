"""An opportunity is shown as it was decided, or not at all."""

import asyncio
import json
import shutil
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from arb_pipeline_tests.fixtures.api import NOW_NS, Api, make_api
from arb_pipeline_tests.fixtures.recorded import Stretch, capture
from streaming_worker.adapters.clock import HandClock
from streaming_worker.api.identity.roles import Role
from streaming_worker.api.moments import Moments
from streaming_worker.cli import run
from streaming_worker.cli.exit_codes import ExitCode
from streaming_worker.errors import RequestRefused, StorageError
from streaming_worker.service.moment import Moment, Sought, find, rebuild

MINUTES = 8


async def got(api: Api, path: str, *, status: int = 200) -> Any:
    async with api.client(token=api.token(Role.VIEWER)) as client:
        answer = await client.get(f"/api/v1/{path}")
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def short_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one run of some minutes, which holds one episode."""
    folder = tmp_path_factory.mktemp("moment")
    start_ns = NOW_NS // (3600 * 10**9) * 3600 * 10**9
    capture(folder, Stretch(start_ns=start_ns, seconds=MINUTES * 60), rotate_rows=10**6)
    return folder


def the_one(folder: Path) -> Sought:
    with duckdb.connect(str(next((folder / "segments" / "main").iterdir())), read_only=True) as connection:
        ((opportunity_id,),) = connection.execute(
            "SELECT DISTINCT opportunity_id FROM opportunity_openings LIMIT 1"
        ).fetchall()
    return find(folder, opportunity_id)


async def test_every_episode_is_decided_again_and_explained(reading: Api) -> None:
    episodes = (await got(reading, "opportunities"))["items"]
    assert len(episodes) >= 4
    for episode in episodes:
        then = await got(reading, f"opportunities/{episode['id']}/moment")
        assert (then["is_same"], then["at_ns"]) == (True, episode["opened_ns"])
        assert then["plan"] == episode["opening"]
        assert sum(Decimal(cost["value_usd"]) for cost in then["costs"]) == Decimal(episode["net_usd"]) - Decimal(
            episode["opening"]["stack"]["gross_usd"]
        )
        assert all(cost["source"] and cost["age_ms"] >= 0 for cost in then["costs"])
        (chosen,) = [point for point in then["curve"] if point["is_chosen"]]
        assert (chosen["net_usd"], chosen["net_edge_bps"]) == (episode["net_usd"], episode["net_edge_bps"])
        sizes = [Decimal(point["size"]) for point in then["curve"]]
        assert sizes == sorted(sizes)
        assert {point["is_within_cap"] for point in then["curve"]} == {True, False}
        assert then["ending"]["close_reason"] == episode["close_reason"]
        assert (then["ending"]["reason"], then["ending"]["lifetime_ms"]) == ("no_edge", episode["lifetime_ms"])


async def test_the_book_is_the_one_of_the_decision_and_not_the_last_one(reading: Api) -> None:
    gemini = next(row for row in (await got(reading, "opportunities"))["items"] if row["cex_venue"] == "gemini")
    then = await got(reading, f"opportunities/{gemini['id']}/moment")
    book = then["book"]
    assert (book["instrument"], book["bids"][0]["price"], book["asks"][0]["price"]) == (
        "gemini:SOLUSD",
        "148",
        "148.01",
    )
    assert Decimal(book["asks"][1]["cumulative_size"]) == sum(Decimal(level["size"]) for level in book["asks"][:2])
    assert (book["age_ms"], then["pool"]["fee_bps"] != "0") == (0, True)
    assert Decimal(then["pool"]["price"]) > Decimal("149.9") > Decimal(book["asks"][0]["price"])


async def test_a_moment_is_made_once_for_all_who_ask(reading: Api, short_dir: Path) -> None:
    made = []

    def counted(folder: Path, wanted: Sought, is_over: Callable[[], bool]) -> Moment:
        made.append(wanted.opportunity_id)
        return rebuild(folder, wanted, is_over)

    wanted = the_one(short_dir)
    moments = Moments(short_dir, reading.clock, make=counted)
    answers = await asyncio.gather(*(moments.of(wanted) for _ in range(3)))
    answers.append(await moments.of(wanted))
    moments.close()
    assert made == [wanted.opportunity_id]
    assert all(answer is answers[0] for answer in answers)


async def test_an_id_that_is_not_there_is_not_found(reading: Api) -> None:
    assert (await got(reading, "opportunities/none/moment", status=404))["error"]["code"] == "not_found"


async def test_a_changed_record_is_told_from_what_was_decided(short_dir: Path, tmp_path: Path) -> None:
    wanted = the_one(short_dir)
    changed = tmp_path / "changed"
    shutil.copytree(short_dir, changed)
    with duckdb.connect(str(next((changed / "segments" / "main").iterdir()))) as connection:
        connection.execute("UPDATE opportunity_openings SET opening_net_usd_e8 = opening_net_usd_e8 + 1")
    assert rebuild(short_dir, wanted, lambda: False).is_same
    assert not rebuild(changed, wanted, lambda: False).is_same


async def test_a_record_with_a_hole_is_refused_with_its_place(short_dir: Path, tmp_path: Path) -> None:
    wanted = the_one(short_dir)
    holed = tmp_path / "holed"
    shutil.copytree(short_dir, holed)
    with duckdb.connect(str(next((holed / "segments" / "main").iterdir()))) as connection:
        connection.execute("DELETE FROM clock_ticks WHERE seq = (SELECT min(seq) FROM clock_ticks)")
    api = make_api(holed, state_dir=tmp_path, clock=HandClock(NOW_NS))
    try:
        error = (await got(api, f"opportunities/{wanted.opportunity_id}/moment", status=409))["error"]
    finally:
        api.close()
    assert error["code"] == "not_replayable"
    assert "the record goes on at" in error["message"]


def test_without_its_keyframe_it_says_so(short_dir: Path, tmp_path: Path) -> None:
    wanted = the_one(short_dir)
    late = tmp_path / "late"
    shutil.copytree(short_dir, late)
    with duckdb.connect(str(next((late / "segments" / "main").iterdir()))) as connection:
        connection.execute("DELETE FROM keyframes")
    with pytest.raises(StorageError, match="keyframe before it is not in the record"):
        rebuild(late, wanted, lambda: False)


async def test_a_replay_that_takes_too_long_is_ended(reading: Api, short_dir: Path) -> None:
    with pytest.raises(TimeoutError):
        rebuild(short_dir, the_one(short_dir), lambda: True)
    impatient = Moments(short_dir, reading.clock, limit_s=-1)
    try:
        with pytest.raises(RequestRefused, match="was ended"):
            await impatient.of(the_one(short_dir))
    finally:
        impatient.close()


async def test_no_more_wait_than_can_be_served(reading: Api, short_dir: Path) -> None:
    may_go = threading.Event()

    def held(folder: Path, wanted: Sought, is_over: Callable[[], bool]) -> Moment:
        may_go.wait(30)
        return rebuild(folder, wanted, is_over)

    desk = Moments(short_dir, reading.clock, make=held)
    strange = [
        Sought(worker="main", run_id=f"run-{number}", opportunity_id="x", opened_ns=1, closed_ns=None)
        for number in range(4)
    ]
    asked = [asyncio.ensure_future(desk.of(one)) for one in (the_one(short_dir), *strange[:3])]
    await asyncio.sleep(0)
    with pytest.raises(RequestRefused, match="other opportunities"):
        await desk.of(strange[3])
    may_go.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    desk.close()
    assert isinstance(answers[0], Moment)
    assert all(isinstance(one, RequestRefused) for one in answers[1:])


def test_the_command_of_the_drawer_gives_the_same(short_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = the_one(short_dir)
    assert run(["replay", str(short_dir), "--opportunity", wanted.opportunity_id]) == ExitCode.OK
    printed = json.loads(capsys.readouterr().out)
    assert (printed["is_same"], printed["sought"]["opportunity_id"]) == (True, wanted.opportunity_id)
    assert run(["replay", str(short_dir), "--opportunity", "none"]) == ExitCode.CONFIGURATION
    assert run(["replay", str(short_dir), "elsewhere", "--opportunity", "none"]) == ExitCode.CONFIGURATION
