"""Answers that are the same for all who may ask: made once for everybody who asks within a moment.

Who may ask is settled before this, for each request. How old an answer is, it says itself (``as_of``).
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
_MANY: Final = 200
_Made = TypeVar("_Made", bound=BaseModel)
_Asked = ParamSpec("_Asked")


@dataclass(slots=True)
class _Answer:
    """What is being made, or was: its content, None where whoever made it failed or went away."""

    content: asyncio.Future[bytes | None]
    until_ns: Nanos = 0

    def holds(self, now_ns: Nanos) -> bool:
        return not self.content.done() or now_ns < self.until_ns


class Answers:
    """The newest answers by what was asked. For one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: dict[str, _Answer] = {}

    async def once(self, asked: str, keep_s: float, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the answer that is there or being made, or else make it. Raises what making raises."""
        while (known := self._answers.get(asked)) is not None and known.holds(self._clock.monotonic_ns()):
            content = await asyncio.shield(known.content)
            if content is not None:
                return content
        answer = self._begun(asked)
        content = None
        try:
            content = await make()
            return content
        finally:
            answer.until_ns = self._clock.monotonic_ns() + int(keep_s * NANOS_PER_SECOND)
            if content is None and self._answers.get(asked) is answer:
                del self._answers[asked]
            answer.content.set_result(content)

    def forget(self) -> None:
        """Make everything anew: something was changed."""
        self._answers.clear()

    def _begun(self, asked: str) -> _Answer:
        if len(self._answers) >= _MANY:
            now_ns = self._clock.monotonic_ns()
            self._answers = {key: one for key, one in self._answers.items() if one.holds(now_ns)}
        self._answers[asked] = answer = _Answer(asyncio.get_running_loop().create_future())
        return answer


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
