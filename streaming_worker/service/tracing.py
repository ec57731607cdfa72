"""Traces of what passes through: every operator command, and of the events one now and then, from frame to commit.

Follows the pump. Spans are made after the fact, once the event is durable; the trace of a command goes on where its
sender began it (W3C traceparent).
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NoReturn, Protocol

import msgspec
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from streaming_worker.adapters.clock import Clock
from streaming_worker.core.events import Event, OperatorCommand
from streaming_worker.core.outputs import Output
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos

_LOOK_S: Final = 0.02
_MOST_WAITING: Final = 256
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class DurableRecord(Protocol):
    """The sink's part that is used here."""

    @property
    def acknowledged_seq(self) -> int:
        """The last seq that is durable."""
        ...


class _Waiting(msgspec.Struct, frozen=True):
    seq: int
    kind: str
    outputs: int
    received_ns: Nanos
    decided_ns: Nanos
    parent: Context | None


class Traces:
    """``observe`` costs one comparison for an event that is not sampled."""

    def __init__(self, tracer: Tracer, record: DurableRecord, clock: Clock, *, every_s: float) -> None:
        self._tracer = tracer
        self._record = record
        self._clock = clock
        self._every_ns = round(every_s * NANOS_PER_SECOND)
        self._next_ns: Nanos = 0
        self._commands: dict[str, Context] = {}
        self._waiting: deque[_Waiting] = deque(maxlen=_MOST_WAITING)

    @contextmanager
    def command(self, command_id: str, kind: str, headers: Mapping[str, str]) -> Iterator[None]:
        """Trace the answer to a command; what the engine and the record do with it becomes part of that."""
        parent = _PROPAGATOR.extract(headers)
        attributes = {"arb.command_id": command_id, "arb.command": kind}
        with self._tracer.start_as_current_span(
            "gateway command", context=parent, kind=SpanKind.SERVER, attributes=attributes
        ) as span:
            self._commands[command_id] = set_span_in_context(span)
            try:
                yield
            finally:
                self._commands.pop(command_id, None)

    def observe(self, seq: int, event: Event, outputs: Sequence[Output]) -> None:
        """Follow the pump."""
        is_command = isinstance(event, OperatorCommand)
        if event.received_ns < self._next_ns and not is_command:
            return
        parent = self._commands.get(event.command_id) if isinstance(event, OperatorCommand) else None
        if not is_command:
            self._next_ns = event.received_ns + self._every_ns
        kind = type(event).__name__
        self._waiting.append(_Waiting(seq, kind, len(outputs), event.received_ns, self._clock.now_ns(), parent))

    async def run(self) -> NoReturn:
        """Finish the spans of what has become durable, until cancelled."""
        while True:
            self.finish_durable()
            await self._clock.sleep(_LOOK_S)

    def finish_durable(self) -> None:
        """Make the spans of every sampled event that is durable now."""
        while self._waiting and self._waiting[0].seq <= self._record.acknowledged_seq:
            self._make_spans(self._waiting.popleft(), self._clock.now_ns())

    def _make_spans(self, event: _Waiting, committed_ns: Nanos) -> None:
        attributes: dict[str, int | str] = {"arb.seq": event.seq, "arb.event": event.kind, "arb.outputs": event.outputs}
        whole = self._tracer.start_span(
            "frame to commit", context=event.parent, start_time=event.received_ns, attributes=attributes
        )
        inside = set_span_in_context(whole)
        decide = self._tracer.start_span("decide", context=inside, start_time=event.received_ns)
        decide.end(event.decided_ns)
        commit = self._tracer.start_span("commit", context=inside, start_time=event.decided_ns)
        commit.end(committed_ns)
        whole.end(committed_ns)
