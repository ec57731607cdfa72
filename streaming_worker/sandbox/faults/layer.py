"""The faults at work: begins and ends them in time, and stands between the venues and their clients.

It changes only what arrives. What the market is, and what it was at each moment, others can tell.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.faces.session import HttpCall, HttpReply, Output
from streaming_worker.sandbox.faces.solana import SolanaFace
from streaming_worker.sandbox.faults.answers import OldAnswers, changed_answer, refusal
from streaming_worker.sandbox.faults.line import Line, effect_on_new, effect_on_open
from streaming_worker.sandbox.faults.log import FaultLog, FaultRecord
from streaming_worker.sandbox.faults.memory import Beginning
from streaming_worker.sandbox.faults.script import FaultScript
from streaming_worker.sandbox.faults.spec import HOLDING, FaultKind, FaultSpec
from streaming_worker.sandbox.faults.target import Target
from streaming_worker.sandbox.hub import Wire
from streaming_worker.sandbox.market.changes import MarketChange
from streaming_worker.sandbox.market.dice import stream

_FORGOTTEN_NS: Final = 60 * NANOS_PER_SECOND
_ANSWERS_KEPT: Final = 64


@dataclass(slots=True)
class _Active:
    """A fault in force. ``passes`` counts how often the streams have gone through it."""

    record: FaultRecord
    ends_ns: int
    beginnings: dict[str | None, Beginning]
    answers: OldAnswers
    http: Target
    passes: int = 0

    @property
    def is_spent(self) -> bool:
        """Whether it has done all that it may, and keeps nothing for later."""
        return self.record.is_spent and self.record.spec.kind not in HOLDING


class FaultLayer:
    """All faults of a sandbox; deterministic in its seed, the script and the frames."""

    def __init__(self, *, script: FaultScript | None = None, solana: SolanaFace | None = None) -> None:
        script = script or FaultScript()
        self.log = FaultLog()
        self._seed = script.seed
        self._script = script
        self._timeline: Iterator[tuple[int, FaultSpec]] | None = None
        self._next: tuple[int, FaultSpec] | None = None
        self._active: dict[int, _Active] = {}
        self._lines: dict[tuple[str, int], Line] = {}
        self._answers: dict[str, dict[tuple[str, bytes], HttpReply]] = {}
        self._solana = solana
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def is_quiet(self) -> bool:
        """Whether no fault is in force."""
        return not self._active

    async def until_quiet(self) -> None:
        """Return once no fault is in force."""
        await self._quiet.wait()

    def follow(self, _changes: Sequence[MarketChange], now_ns: int) -> None:
        """Begin what is due by the script, end what has lasted long enough."""
        for number, active in tuple(self._active.items()):
            if active.passes and (now_ns >= active.ends_ns or active.is_spent):
                self.end(number, now_ns)
            active.passes += 1
        self._begin_scripted(now_ns)
        for key in [key for key, line in self._lines.items() if now_ns - line.seen_ns > _FORGOTTEN_NS]:
            del self._lines[key]

    def begin(self, spec: FaultSpec, now_ns: int) -> FaultRecord:
        """Begin a fault now."""
        record = self.log.open(spec, now_ns)
        self._quiet.clear()
        lines = [line for line in self._lines.values() if line.venue == spec.venue]
        beginnings: dict[str | None, Beginning] = {}
        for line in lines:
            beginnings |= line.memory.beginnings
        active = self._active[record.number] = _Active(
            record=record,
            ends_ns=now_ns + spec.duration_ns,
            beginnings=beginnings,
            answers=OldAnswers(self._answers.get(spec.venue, {})),
            http=self._target(record, 0),
        )
        for line in lines:
            effect = effect_on_open(self._target(active.record, line.number), line)
            if effect is not None:
                line.add(record.number, effect)
        return record

    def end(self, number: int, now_ns: int) -> None:
        """End a fault now; what it held back is given up on the next pass."""
        active = self._active.pop(number, None)
        if active is not None:
            active.record.ended_ns = now_ns
        if not self._active:
            self._quiet.set()

    def end_all(self, now_ns: int) -> None:
        """End every fault."""
        for number in tuple(self._active):
            self.end(number, now_ns)

    def __call__(self, venue: str, connection: int, outputs: Sequence[Output], now_ns: int) -> Sequence[Wire]:
        """Return what arrives at a socket; the hub's ``Outbound``."""
        line = self._lines.get((venue, connection))
        if line is None:
            line = self._lines[venue, connection] = Line(venue, connection)
            for active in self._at(venue):
                effect = effect_on_new(self._target(active.record, connection), line, active.beginnings)
                if effect is not None:
                    line.add(active.record.number, effect)
        return line.carry(outputs, now_ns, self._active)

    def reply(self, venue: str, call: HttpCall, reply: HttpReply, now_ns: int) -> HttpReply:
        """Return what a call is really answered."""
        kept = self._answers.setdefault(venue, {})
        kept.pop((call.path, call.body), None)
        kept[call.path, call.body] = reply
        if len(kept) > _ANSWERS_KEPT:
            del kept[next(iter(kept))]
        for active in self._at(venue):
            changed = self._lagging(active, call, now_ns) or changed_answer(
                active.http, active.answers, call, reply, now_ns
            )
            reply = reply if changed is None else changed
        return reply

    def refusal(self, venue: str, now_ns: int) -> HttpReply | None:
        """Return the answer to a client that may not open a socket now."""
        refusals = (refusal(active.http, now_ns) for active in self._at(venue))
        return next((reply for reply in refusals if reply is not None), None)

    def _lagging(self, active: _Active, call: HttpCall, now_ns: int) -> HttpReply | None:
        spec = active.record.spec
        if spec.kind is not FaultKind.RPC_LAG or self._solana is None:
            return None
        active.http.touch(None, now_ns, f"answered {spec.slots} slots late")
        return self._solana.answer_behind(call, spec.slots)

    def _begin_scripted(self, now_ns: int) -> None:
        if self._timeline is None:
            self._timeline = self._script.timeline(now_ns)
            self._next = next(self._timeline, None)
        while self._next is not None and self._next[0] <= now_ns:
            self.begin(self._next[1], now_ns)
            self._active[max(self._active)].passes = 1
            self._next = next(self._timeline, None)

    def _target(self, record: FaultRecord, connection: int) -> Target:
        rng = stream(self._seed, f"fault:{record.number}:{connection}")
        return Target(record, record.spec.venue, connection, rng)

    def _at(self, venue: str) -> Iterable[_Active]:
        return [active for active in self._active.values() if active.record.spec.venue == venue]
