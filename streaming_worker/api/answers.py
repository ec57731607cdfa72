"""Answers that are the same for all who may ask: made once for everybody who asks within a moment.

Who may ask is settled before this, for each request. How old an answer is, it says itself (``as_of``). One that has
become old is still given, for as long again, while a newer one is being made: nobody but the first waits for a query.
"""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel

from streaming_worker.adapters.clock import Clock
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos

RECORD_S: Final = 1.0
LIVE_S: Final = 0.2
# What took long to make is kept longer, so that the making never takes more than a tenth of the time of a thread.
_MAKING_SHARE: Final = 10
_LONGEST_NS: Final = 5 * NANOS_PER_SECOND
_MANY: Final = 200
_Make = Callable[[], Awaitable[bytes]]
_Made = TypeVar("_Made", bound=BaseModel)
_Asked = ParamSpec("_Asked")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was made, until when it is new, and until when it is still given while a newer one is being made."""

    content: bytes
    new_until_ns: Nanos
    given_until_ns: Nanos


class Answers:
    """The newest answers by what was asked. For one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: dict[str, _Answer] = {}
        self._making: dict[str, asyncio.Task[bytes]] = {}
        self._tasks: set[asyncio.Task[bytes]] = set()

    async def once(self, asked: str, keep_s: float, make: _Make) -> bytes:
        """Return the answer that is there, or else the one being made. Raises what making raises."""
        now_ns = self._clock.monotonic_ns()
        known = self._answers.get(asked)
        if known is not None and now_ns < known.new_until_ns:
            return known.content
        making = self._making.get(asked) or self._begun(asked, keep_s, make)
        if known is not None and now_ns < known.given_until_ns:
            return known.content
        return await asyncio.shield(making)

    def forget(self) -> None:
        """Make everything anew: something was changed. What is being made may not have seen it."""
        self._answers.clear()
        self._making.clear()

    async def close(self) -> None:
        """End what is being made: nobody waits for it any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begun(self, asked: str, keep_s: float, make: _Make) -> asyncio.Task[bytes]:
        started_ns = self._clock.monotonic_ns()
        task = asyncio.create_task(_made(make))
        self._making[asked] = task
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._end(asked, done, keep_s, started_ns))
        return task

    def _end(self, asked: str, done: asyncio.Task[bytes], keep_s: float, started_ns: Nanos) -> None:
        self._tasks.discard(done)
        has_failed = done.cancelled() or done.exception() is not None
        if self._making.get(asked) is not done:
            return
        del self._making[asked]
        if has_failed:
            return
        now_ns, least_ns = self._clock.monotonic_ns(), int(keep_s * NANOS_PER_SECOND)
        kept_ns = max(least_ns, min((now_ns - started_ns) * _MAKING_SHARE, _LONGEST_NS))
        self._make_room(now_ns)
        self._answers[asked] = _Answer(done.result(), now_ns + kept_ns, now_ns + 2 * kept_ns)

    def _make_room(self, now_ns: Nanos) -> None:
        if len(self._answers) >= _MANY:
            self._answers = {key: one for key, one in self._answers.items() if now_ns < one.given_until_ns}


async def _made(make: _Make) -> bytes:
    return await make()


def shared(
    keep_s: float,
) -> Callable[[Callable[_Asked, Awaitable[_Made]]], Callable[_Asked, Awaitable[_Made]]]:
    """Share the answers of a GET route by path and query; for routes that answer everybody alike.

    Units: keep_s in seconds, from when the answer was made.
    """

    def decorate(handler: Callable[_Asked, Awaitable[_Made]]) -> Callable[_Asked, Awaitable[_Made]]:
        @functools.wraps(handler)
        async def answered(*, asked_by: Request, **arguments: object) -> Response:
            async def make() -> bytes:
                made = await handler(**arguments)  # type: ignore[call-arg, arg-type]  # FastAPI calls by name, as the signature says
                return made.__pydantic_serializer__.to_json(made)

            answers: Answers = asked_by.app.state.services.answers
            asked = f"{asked_by.url.path}?{asked_by.url.query}"
            content = await answers.once(asked, keep_s, make)
            return Response(content, media_type="application/json")

        signature = inspect.signature(handler)
        request = inspect.Parameter("asked_by", inspect.Parameter.KEYWORD_ONLY, annotation=Request)
        answered.__signature__ = signature.replace(parameters=[*signature.parameters.values(), request])  # type: ignore[attr-defined]
        return answered  # type: ignore[return-value]  # what it returns is that model as bytes

    return decorate
