"""What the gateway and the status file say while nothing is captured: down, and why. There is no engine meanwhile."""

import os
from collections.abc import Callable, Sequence

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streaming_worker.adapters.clock import Clock
from streaming_worker.core.units import Nanos
from streaming_worker.service.gateway import guarded, json_response
from streaming_worker.service.health import Status


class StandbyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a health report that is there without a run."""

    worker: str
    run_id: str | None
    pid: int
    status: Status
    why: list[str]
    is_ready: bool
    at_ns: Nanos


class Standby:
    """A worker that waits. ``why`` is asked with every report."""

    def __init__(
        self, worker: str, why: Callable[[], list[str]], clock: Clock, *, routes: Sequence[Route] = ()
    ) -> None:
        self._worker = worker
        self._why = why
        self._clock = clock
        paths = ("/health", "/ready", "/state", "/command")
        answers = [Route(path, self._answer, methods=["GET", "POST"]) for path in paths]
        self.app: Starlette = guarded([*answers, *routes])

    def report(self) -> StandbyReport:
        """Return why nothing is captured."""
        return StandbyReport(
            worker=self._worker,
            run_id=None,
            pid=os.getpid(),
            status=Status.DOWN,
            why=self._why(),
            is_ready=False,
            at_ns=self._clock.now_ns(),
        )

    async def _answer(self, _: Request) -> Response:
        return json_response(self.report(), status=503)
