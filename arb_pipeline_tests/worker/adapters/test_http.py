"""Calls reach a host or say, in one line, why none answered; limits are kept and keys never shown."""

import asyncio
import logging
from collections.abc import Iterator
from random import Random

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from arb_pipeline_tests.fixtures.scripted_venue import closed_port, http_venue, until
from streaming_worker.adapters.clock import HandClock
from streaming_worker.adapters.http import HttpSettings, VenueHttp, join_url
from streaming_worker.adapters.names import Names
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.errors import TransportError
from streaming_worker.protocols.base import HttpRequest

BOOK = HttpRequest("book", "GET", "/v1/book/solusd?limit_bids=0")


class Script:
    """Answers in order, the last one for ever; keeps what was asked."""

    def __init__(self, *answers: Response) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, request: Request) -> Response:
        body = (await request.body()).decode()
        self.asked.append(f"{request.method} {request.url.path}?{request.url.query} {body}".rstrip())
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def caller(*bases: str, clock: HandClock | None = None, **changed: float) -> VenueHttp:
    settings = HttpSettings(**changed)  # type: ignore[arg-type]  # a table of numbers
    return VenueHttp(bases, settings=settings, clock=clock or HandClock(), names=Names(), random=Random(7))


def slept(clock: HandClock) -> Iterator[float]:
    """Yield each wait by moving the clock to the next sleeper."""
    while clock.sleeper_count:
        before_ns = clock.now_ns()
        due_ns = clock.next_due_ns
        assert due_ns is not None
        clock.advance_to(due_ns)
        yield (due_ns - before_ns) / NANOS_PER_SECOND


async def waits_of(clock: HandClock, task: "asyncio.Future[object]") -> list[float]:
    """Run a call to its end, moving the clock whenever it waits; returns the waits in seconds."""
    waits: list[float] = []
    while not task.done():
        await until(lambda: task.done() or clock.sleeper_count, "an answer or a wait")
        waits += slept(clock)
    return waits


async def test_an_answer_comes_with_its_receive_time() -> None:
    script = Script(PlainTextResponse("book"))
    clock = HandClock(start_ns=77)
    async with http_venue(script) as base, caller(base, clock=clock) as http:
        assert await http.call(BOOK) == (b"book", 77)
    assert script.asked == ["GET /v1/book/solusd?limit_bids=0"]


async def test_a_body_is_posted_and_the_key_in_the_base_url_stays() -> None:
    script = Script(PlainTextResponse("{}"))
    async with http_venue(script) as base, caller(f"{base}/rpc/?api-key=K") as http:
        await http.call(HttpRequest("accounts", "POST", "", b'{"id":1}'))
    assert script.asked == ['POST /rpc?api-key=K {"id":1}']


async def test_429_waits_as_told_then_asks_the_same_host() -> None:
    limited = PlainTextResponse("slow down", status_code=429, headers={"retry-after": "3"})
    first, second = Script(limited, PlainTextResponse("ok")), Script(PlainTextResponse("other host"))
    clock = HandClock()
    async with http_venue(first) as base, http_venue(second) as other, caller(base, other, clock=clock) as http:
        task = asyncio.ensure_future(http.call(BOOK))
        waits = await waits_of(clock, task)
        assert task.result()[0] == b"ok"
    assert len(waits) == 1
    assert 3.0 <= waits[0] <= 3.5
    assert (http.limited, len(second.asked)) == (1, 0)


async def test_a_stated_wait_is_capped() -> None:
    limited = PlainTextResponse("", status_code=429, headers={"retry-after": "86400"})
    clock = HandClock()
    async with http_venue(Script(limited, PlainTextResponse("ok"))) as base, caller(base, clock=clock) as http:
        waits = await waits_of(clock, asyncio.ensure_future(http.call(BOOK)))
    assert 30.0 <= waits[0] <= 30.5


@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_may_be_stated_as_a_date(status: int) -> None:
    limited = PlainTextResponse("", status_code=status, headers={"retry-after": "Thu, 01 Jan 1970 00:01:20 GMT"})
    clock = HandClock(start_ns=77 * 10**9)
    async with http_venue(Script(limited, PlainTextResponse("ok"))) as base, caller(base, clock=clock) as http:
        waits = await waits_of(clock, asyncio.ensure_future(http.call(BOOK)))
    assert 3.0 <= waits[0] <= 3.5


async def test_without_retry_after_the_wait_grows_with_jitter_and_a_cap() -> None:
    script = Script(PlainTextResponse("", status_code=429))
    clock = HandClock()
    async with http_venue(script) as base, caller(base, clock=clock, attempts=8, backoff_cap_s=2.0) as http:
        task = asyncio.ensure_future(http.call(BOOK))
        waits = await waits_of(clock, task)
        assert isinstance(task.exception(), TransportError)
    ceilings = [0.5, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    assert len(waits) == len(ceilings)
    assert all(0.0 < wait <= ceiling for wait, ceiling in zip(waits, ceilings, strict=True))
    assert max(waits) > 0.5
    assert len(set(waits)) == len(waits)


async def test_a_dead_primary_goes_to_the_fallback_at_once() -> None:
    script = Script(PlainTextResponse("from the fallback"))
    clock = HandClock()
    async with http_venue(script) as base, caller(f"http://127.0.0.1:{closed_port()}", base, clock=clock) as http:
        body, _ = await http.call(BOOK)
    assert (body, clock.now_ns()) == (b"from the fallback", 0)


async def test_a_server_error_is_retried_and_a_client_error_is_not() -> None:
    failing = Script(PlainTextResponse("", status_code=503), PlainTextResponse("ok"))
    clock = HandClock()
    async with http_venue(failing) as base, caller(base, clock=clock) as http:
        task = asyncio.ensure_future(http.call(BOOK))
        await waits_of(clock, task)
        assert (task.result()[0], http.retries) == (b"ok", 1)
    refusing = Script(PlainTextResponse("bad key", status_code=401))
    async with http_venue(refusing) as base, caller(base) as http:
        with pytest.raises(TransportError, match="HTTP status 401"):
            await http.call(BOOK)
    assert len(refusing.asked) == 1


async def test_nothing_to_reach_is_one_line_with_every_host_and_no_key(caplog: pytest.LogCaptureFixture) -> None:
    clock = HandClock()
    bases = (f"http://127.0.0.1:{closed_port()}/?api-key=SECRET", "http://rpc.invalid/?api-key=SECRET")
    with caplog.at_level(logging.WARNING):
        async with caller(*bases, clock=clock, attempts=3) as http:
            task = asyncio.ensure_future(http.call(BOOK))
            await waits_of(clock, task)
            message = str(task.exception())
    assert message.startswith("no answer to book: 127.0.0.1 (")
    assert "rpc.invalid (" in message
    assert "SECRET" not in message + caplog.text
    assert "\n" not in message


async def test_an_endless_answer_is_cut_off() -> None:
    script = Script(PlainTextResponse("x" * 5_000))
    async with http_venue(script) as base, caller(base, max_body_bytes=4_999) as http:
        with pytest.raises(TransportError, match="answer over 4999 bytes"):
            await http.call(BOOK)
    assert len(script.asked) == 1


async def test_a_mute_server_is_given_up() -> None:
    released = asyncio.Event()

    async def mute(_: Request) -> Response:
        await released.wait()
        return PlainTextResponse("late")

    async with http_venue(mute) as base, caller(base, attempts=1, total_timeout_s=0.05) as http:
        with pytest.raises(TransportError, match="no answer in time"):
            await http.call(BOOK)
        released.set()


def test_a_path_joins_the_base_path_and_both_queries() -> None:
    assert str(join_url("https://h/api/?key=k", "/v1/x?a=1")) == "https://h/api/v1/x?key=k&a=1"
    assert str(join_url("https://h", "")) == "https://h/"
