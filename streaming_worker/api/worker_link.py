"""What the API knows of the worker: its live stream, kept as a view, and the two things that are asked of it.

The worker may go and come back at any time; the view then says so, and fills again by itself.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

import httpx
import msgspec
import structlog

from streaming_worker.adapters.clock import Clock
from streaming_worker.api.schemas.market import Link
from streaming_worker.api.tracing import outgoing_headers
from streaming_worker.core.units import NANOS_PER_MILLISECOND, Nanos
from streaming_worker.errors import RequestRefused
from streaming_worker.service.health import HealthReport
from streaming_worker.service.live import (
    LiveBook,
    LiveEpisode,
    LiveHoldings,
    LiveOutput,
    LivePool,
    LiveRisk,
    LiveTick,
)
from streaming_worker.service.metrics import Reading
from streaming_worker.storage.rows import output_rows
from streaming_worker.storage.schema import TABLE

_LOG: Final = structlog.get_logger("worker_link")
Row = dict[str, Any]
REMEMBERED: Final = 2_000
SILENCE_S: Final = 3.0
_BACKOFF_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
_ASK_S: Final = 3.0
_COMMAND_S: Final = 8.0


class WorkerView:
    """The worker as last heard of. ``rows`` are recent outputs as the record's tables keep them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.link = Link.DOWN
        self.detail = "not connected yet"
        self.since_ns: Nanos = clock.now_ns()
        self.heard_ns: Nanos | None = None
        self.worker: str | None = None
        self.run_id: str | None = None
        self.runs = 0
        self.events: int | None = None
        self.health: HealthReport | None = None
        self.risk: LiveRisk | None = None
        self.holdings: LiveHoldings | None = None
        self.offsets_ns: dict[str, Nanos | None] = {}
        self.metrics: dict[str, Reading] = {}
        self.books: dict[str, LiveBook] = {}
        self.pools: dict[str, LivePool] = {}
        self.episodes: tuple[LiveEpisode, ...] = ()
        self.rows: dict[str, deque[Row]] = {}
        self.version = 0
        self._last_seq = 0

    @property
    def is_up(self) -> bool:
        """Whether the stream comes."""
        return self.link is Link.UP

    @property
    def age_ms(self) -> int | None:
        """How old the newest of it is; None where nothing came yet."""
        if self.heard_ns is None:
            return None
        return max(0, self._clock.now_ns() - self.heard_ns) // NANOS_PER_MILLISECOND

    def recent(self, table: str) -> list[Row]:
        """Return the remembered rows of a table, oldest first."""
        return list(self.rows.get(table, ()))

    def set_link(self, link: Link, detail: str) -> None:
        """Note a change of the connection."""
        if link is not self.link:
            self.since_ns = self._clock.now_ns()
            _LOG.info("worker_link", link=link.value, detail=detail)
        self.link, self.detail = link, detail
        self.version += 1

    def apply(self, tick: LiveTick) -> list[LiveOutput]:
        """Take over one line, and return the outputs that are new."""
        if tick.is_snapshot:
            self._begin(tick)
        self.heard_ns = self._clock.now_ns()
        self.events = tick.events
        self.books.update(tick.books)
        self.pools.update(tick.pools)
        self.episodes = tick.episodes
        self.risk = tick.risk or self.risk
        self.health = tick.health or self.health
        self.holdings = tick.holdings or self.holdings
        self.offsets_ns = tick.offsets_ns or self.offsets_ns
        self.metrics = tick.metrics or self.metrics
        fresh = [one for one in tick.outputs if one.seq > self._last_seq]
        for one in fresh:
            self._remember(one)
        self._last_seq = max((one.seq for one in fresh), default=self._last_seq)
        self.version += 1
        return fresh

    def _begin(self, tick: LiveTick) -> None:
        """A new connection: what was known before may be of another run."""
        self.runs += tick.run_id != self.run_id
        self.worker, self.run_id = tick.worker, tick.run_id
        self.books, self.pools, self.rows = {}, {}, {}
        self.risk = self.health = self.holdings = None
        self._last_seq = 0

    def _remember(self, one: LiveOutput) -> None:
        for table, values in output_rows(one.seq, one.output):
            row: Row = dict(zip(TABLE[table].column_names, values, strict=True))
            row |= {"worker": self.worker, "run_id": self.run_id}
            self.rows.setdefault(table, deque(maxlen=REMEMBERED)).append(row)


class WorkerLink:
    """Keeps the view up to date. ``on_change`` is called after each line and each change of the connection."""

    def __init__(self, base_url: str, clock: Clock, on_change: Callable[[list[LiveOutput]], None]) -> None:
        self._base = base_url
        self._clock = clock
        self.on_change = on_change
        self._decoder = msgspec.json.Decoder(LiveTick)
        self._client = httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=httpx.Timeout(_ASK_S))
        self.view = WorkerView(clock)

    async def run(self) -> None:
        """Follow the worker until cancelled."""
        failures = 0
        while True:
            is_heard = await self._follow()
            failures = 0 if is_heard else failures + 1
            self.on_change([])
            await self._clock.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ask(self, path: str) -> Any:
        """Return the worker's answer to a question. Raises RequestRefused when there is none."""
        try:
            answer = await self._client.get(path)
        except httpx.HTTPError as e:
            raise RequestRefused(503, "worker_down", "the worker does not answer") from e
        if answer.status_code == 404:
            raise RequestRefused(404, "not_found", "the worker knows no such thing")
        return msgspec.json.decode(answer.content)

    async def command(self, body: dict[str, Any]) -> dict[str, Any]:
        """Send a command and return the answer. Raises RequestRefused when it did not get there."""
        try:
            headers = outgoing_headers()
            answer = await self._client.post("/command", json=body, headers=headers, timeout=_COMMAND_S)
        except (httpx.HTTPError, RuntimeError) as e:  # RuntimeError: the link was closed, the API is going down
            raise RequestRefused(503, "worker_down", "the worker does not answer; nothing was changed") from e
        content = msgspec.json.decode(answer.content)
        if answer.status_code >= 400 or not isinstance(content, dict):
            raise RequestRefused(502, "worker_refused", f"the worker refused the command: {content}")
        return content

    async def _follow(self) -> bool:
        """Read one connection to its end; whether anything came."""
        is_heard = False
        try:
            timeout = httpx.Timeout(_ASK_S, read=SILENCE_S)
            async with self._client.stream("GET", "/stream", timeout=timeout) as answer:
                if answer.status_code != 200:
                    return await self._without_stream(answer.status_code)
                async for line in answer.aiter_lines():
                    fresh = self.view.apply(self._decoder.decode(line))
                    if not is_heard:
                        is_heard = True
                        self.view.set_link(Link.UP, "live")
                    self.on_change(fresh)
            self.view.set_link(Link.DOWN, "the worker ended the stream")
        except httpx.TimeoutException:
            self.view.set_link(Link.DOWN, f"nothing came for {SILENCE_S:.0f} s")
        except httpx.HTTPError as e:
            self.view.set_link(Link.DOWN, f"the worker does not answer ({type(e).__name__})")
        except msgspec.DecodeError as e:
            self.view.set_link(Link.DOWN, f"the worker speaks another version: {e}")
            _LOG.warning("stream_not_understood", error=str(e))
        return is_heard

    async def _without_stream(self, status: int) -> bool:
        """The worker answers but has no stream: it waits for room on the disk, or too many listen."""
        health = await self._client.get("/health")
        why = msgspec.json.decode(health.content).get("why", [])
        self.view.set_link(Link.STANDBY, "; ".join(map(str, why)) or f"no stream (status {status})")
        self.view.heard_ns = self._clock.now_ns()
        return False
