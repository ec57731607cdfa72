"""One answer for all who ask within a moment: made once, never for whom it is not, never after it is old."""

import asyncio

import pytest

from arb_pipeline_tests.fixtures.api import NOW_NS, Api
from streaming_worker.adapters.clock import HandClock
from streaming_worker.api.answers import Answers
from streaming_worker.api.identity.roles import Role
from streaming_worker.errors import StorageError


class Maker:
    """Makes answers, each of which waits until it may end."""

    def __init__(self) -> None:
        self.count = 0
        self.may_end = asyncio.Event()
        self.fails = False

    async def make(self) -> bytes:
        self.count += 1
        mine = self.count
        await self.may_end.wait()
        if self.fails:
            raise StorageError("no record")
        return str(mine).encode()


async def test_who_asks_meanwhile_waits_for_the_same_answer() -> None:
    answers, maker = Answers(HandClock(NOW_NS)), Maker()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(answers.once("/a?", 1.0, maker.make)) for _ in range(50)]
        await asyncio.sleep(0)
        maker.may_end.set()
    assert {task.result() for task in tasks} == {b"1"}
    assert maker.count == 1


async def test_an_answer_holds_for_its_time_and_another_question_has_its_own() -> None:
    clock = HandClock(NOW_NS)
    answers, maker = Answers(clock), Maker()
    maker.may_end.set()
    assert await answers.once("/a?", 1.0, maker.make) == b"1"
    clock.advance(0.999)
    assert await answers.once("/a?", 1.0, maker.make) == b"1"
    assert await answers.once("/a?limit=2", 1.0, maker.make) == b"2"
    clock.advance(1.002)
    assert await answers.once("/a?", 1.0, maker.make) == b"3"


async def test_an_old_answer_is_given_once_more_while_the_newer_one_is_made() -> None:
    clock = HandClock(NOW_NS)
    answers, maker = Answers(clock), Maker()
    maker.may_end.set()
    assert await answers.once("/a?", 1.0, maker.make) == b"1"
    clock.advance(1.001)
    maker.may_end.clear()
    assert [await answers.once("/a?", 1.0, maker.make) for _ in range(3)] == [b"1"] * 3
    await asyncio.sleep(0)
    assert maker.count == 2, "made once, for all three"
    maker.may_end.set()
    await asyncio.sleep(0.01)
    assert await answers.once("/a?", 1.0, maker.make) == b"2"


@pytest.mark.parametrize(("took_s", "kept_s"), [(0.05, 1.0), (0.3, 3.0), (2.0, 5.0)])
async def test_what_took_long_to_make_is_kept_longer_but_never_for_long(took_s: float, kept_s: float) -> None:
    clock = HandClock(NOW_NS)
    answers, maker = Answers(clock), Maker()

    async def slowly() -> bytes:
        clock.advance(took_s)
        return await maker.make()

    maker.may_end.set()
    assert await answers.once("/a?", 1.0, slowly) == b"1"
    clock.advance(kept_s - 0.01)
    assert await answers.once("/a?", 1.0, slowly) == b"1"
    assert maker.count == 1
    clock.advance(0.02)
    assert await answers.once("/a?", 1.0, slowly) == b"1"
    await asyncio.sleep(0)
    assert maker.count == 2


async def test_a_change_is_not_undone_by_what_was_being_made_before_it() -> None:
    answers, maker = Answers(HandClock(NOW_NS)), Maker()
    before = asyncio.create_task(answers.once("/a?", 1.0, maker.make))
    await asyncio.sleep(0.01)
    answers.forget()
    maker.may_end.set()
    assert await answers.once("/a?", 1.0, maker.make) == b"2"
    assert await before == b"1"
    assert await answers.once("/a?", 1.0, maker.make) == b"2"


async def test_nothing_is_made_after_the_end() -> None:
    answers, maker = Answers(HandClock(NOW_NS)), Maker()
    waiting = asyncio.create_task(answers.once("/a?", 1.0, maker.make))
    await asyncio.sleep(0.01)
    await answers.close()
    assert (await asyncio.gather(waiting, return_exceptions=True))[0].__class__ is asyncio.CancelledError


async def test_what_was_changed_is_answered_anew() -> None:
    answers, maker = Answers(HandClock(NOW_NS)), Maker()
    maker.may_end.set()
    assert await answers.once("/a?", 1.0, maker.make) == b"1"
    answers.forget()
    assert await answers.once("/a?", 1.0, maker.make) == b"2"


async def test_a_failure_is_told_to_each_who_asked_and_is_not_kept() -> None:
    answers, maker = Answers(HandClock(NOW_NS)), Maker()
    maker.fails = True
    maker.may_end.set()
    told = await asyncio.gather(*(answers.once("/a?", 1.0, maker.make) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in told] == [StorageError] * 3
    maker.fails = False
    assert await answers.once("/a?", 1.0, maker.make) == b"2"


async def test_who_goes_away_does_not_take_the_answer_from_the_others() -> None:
    answers, maker = Answers(HandClock(NOW_NS)), Maker()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(answers.once("/a?", 1.0, maker.make))
        await asyncio.sleep(0)
        second = group.create_task(answers.once("/a?", 1.0, maker.make))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        maker.may_end.set()
    assert first.cancelled()
    assert second.result() == b"1"


async def test_old_answers_do_not_pile_up() -> None:
    clock = HandClock(NOW_NS)
    answers, maker = Answers(clock), Maker()
    maker.may_end.set()
    for number in range(1_000):
        await answers.once(f"/a?cursor={number}", 0.2, maker.make)
        clock.advance(0.01)
    assert len(answers._answers) <= 200


async def test_a_shared_answer_is_not_for_who_may_not_ask(reading: Api) -> None:
    path = "/api/v1/opportunities"
    async with reading.client(token=reading.token(Role.VIEWER)) as viewer, reading.client() as stranger:
        first = await viewer.get(path, params={"limit": 2})
        again = await viewer.get(path, params={"limit": 2})
        other = await viewer.get(path, params={"limit": 3})
        refused = await stranger.get(path, params={"limit": 2})
    assert first.status_code == 200
    assert again.content == first.content
    assert len(other.json()["items"]) == 3
    assert refused.status_code == 401
    assert "items" not in refused.json()


@pytest.mark.parametrize("path", ["trades", "gaps", "books", "feeds", "pnl", "risk", "inventory", "rejections/summary"])
async def test_a_shared_answer_says_how_old_it_is(reading: Api, path: str) -> None:
    async with reading.client(token=reading.token(Role.VIEWER)) as viewer:
        answer = await viewer.get(f"/api/v1/{path}")
    assert answer.status_code == 200
    assert answer.json()["as_of"].startswith("20")
