"""One recording through its production protocol, intake and pump into a fresh engine, at full speed.

Nothing is sent and nothing is stored: what a protocol asks of its venue was decided when the recording was made. An
answer to a call is given to the protocol when it was recorded, whether it asked for it by then or not.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from streaming_worker.adapters.clock import Clock
from streaming_worker.adapters.recorder import LineKind, RecordedLine, Recording
from streaming_worker.core.events import Event, FeedLost
from streaming_worker.core.fees import NetworkCost
from streaming_worker.core.outputs import Output
from streaming_worker.core.units import Nanos
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.settings import EngineSettings, FeedScope
from streaming_worker.errors import StorageError
from streaming_worker.protocols.base import FeedProtocol, HttpRequest
from streaming_worker.protocols.bitstamp import BOOK_PATH
from streaming_worker.protocols.build import build_protocol
from streaming_worker.service.dirt import DirtCount
from streaming_worker.service.gaps import GapLedger
from streaming_worker.service.intake import Intake
from streaming_worker.service.pump import Pump
from streaming_worker.service.survey import Survey

_REASON_LENGTH: Final = 160


class DeadLetterCount:
    """The record of a replay: what is replayed was recorded already, so that only refused frames are counted."""

    is_saturated = False

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()

    async def until_writable(self) -> None:
        """Return at once."""

    def put_event(self, seq: int, event: Event, outputs: Sequence[Output] = ()) -> None:
        """Keep nothing."""

    def put_gap(self, received_ns: Nanos, feed: str, instrument: str | None, cause: str, **_bounds: int | None) -> None:
        """Keep nothing."""

    def put_raw_frame(self, received_ns: Nanos, feed: str, connection: int, kind: str, frame: bytes) -> None:
        """Keep nothing."""

    def put_dead_letter(self, _received_ns: Nanos, _feed: str, error: str, _frame: bytes) -> None:
        """Count why."""
        self.reasons[error[:_REASON_LENGTH]] += 1


class CaptureReplay:
    """The state of one replay: the engine and everything counted on the way."""

    def __init__(self, survey: Survey, clock: Clock, *, has_wall_clock: bool) -> None:
        settings = _settings(survey)
        self.survey = survey
        self.has_wall_clock = has_wall_clock
        self.feed = survey.venue.value
        self.engine = Engine(settings)
        self.dirt = DirtCount()
        self.dead_letters = DeadLetterCount()
        self.lines: Counter[LineKind] = Counter()
        self.answers = 0
        self.largest_frame = 0
        self.span_ns: tuple[Nanos, Nanos] | None = None
        self.damage: str | None = None
        self._protocols: dict[str, FeedProtocol] = {}
        self._intakes: dict[str, Intake] = {}
        self.connections = 0
        self._pump = Pump(
            self.engine,
            self.dead_letters,
            clock=clock,
            gaps=GapLedger(settings.feeds),
            observers=[self.dirt.observe],
        )

    def run(self, recording: Recording) -> None:
        """Replay every line; a damaged file ends where the damage begins, and says so."""
        try:
            for line in recording.lines():
                self._take(line)
        except StorageError as e:
            self.damage = str(e)

    @property
    def counters(self) -> dict[str, int]:
        """What the protocols counted, over all connections."""
        total: Counter[str] = Counter()
        for protocol in self._protocols.values():
            total.update(protocol.counters)
        return dict(sorted(total.items()))

    def _take(self, line: RecordedLine) -> None:
        self.lines[line.kind] += 1
        if line.kind is LineKind.CONNECT:
            self._connect(line)
        elif line.kind is LineKind.RECV:
            self._receive(line)
        elif line.kind is LineKind.HTTP and BOOK_PATH in line.url:
            self._answer(line)

    def _connect(self, line: RecordedLine) -> None:
        if line.connection in self._intakes:
            lost = FeedLost(self.feed, self.connections, "recorded reconnect", None, line.received_ns)
            self._pump.process(lost)
        else:
            protocol = build_protocol(self.survey.protocol, feed=self.feed, instruments=self.survey.instruments)
            self._protocols[line.connection] = protocol
            self._intakes[line.connection] = Intake(protocol, self.dead_letters, has_raw_frames=False)
        self.connections += 1
        self._process(self._intakes[line.connection].opened(self.connections, line.received_ns))

    def _receive(self, line: RecordedLine) -> None:
        if line.connection not in self._intakes:
            self._connect(line)
        first_ns = line.received_ns if self.span_ns is None else self.span_ns[0]
        self.span_ns = first_ns, line.received_ns
        self.largest_frame = max(self.largest_frame, len(line.data))
        self._process(self._intakes[line.connection].received(line.data, line.received_ns))
        self._forget_wishes(line.connection)

    def _answer(self, line: RecordedLine) -> None:
        """Give an answer to the youngest connection: calls are recorded apart from the socket."""
        if not self._intakes:
            return
        self.answers += 1
        connection = next(reversed(self._intakes))
        request = HttpRequest("recorded", "GET", urlsplit(line.url).path)
        self._process(self._intakes[connection].answered(request, line.data, line.received_ns))
        self._forget_wishes(connection)

    def _forget_wishes(self, connection: str) -> None:
        self._protocols[connection].outgoing()
        self._protocols[connection].http_requests()

    def _process(self, events: Sequence[Event]) -> None:
        for event in events:
            self._pump.process(event)


def _settings(survey: Survey) -> EngineSettings:
    scope = FeedScope(survey.venue.value, tuple(instrument.key for instrument in survey.instruments))
    return EngineSettings(
        instruments=survey.instruments,
        pools=(),
        feeds=(scope,),
        taker_fees=(),
        network_cost=NetworkCost(0, 0, 0, "none: a recording of books alone has no pool leg"),
    )
