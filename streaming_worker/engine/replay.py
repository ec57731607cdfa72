"""Recorded events in order through an engine."""

from collections.abc import Iterable, Iterator

from streaming_worker.core.events import Event
from streaming_worker.core.outputs import Keyframe, Output
from streaming_worker.engine.engine import Engine


def replay(engine: Engine, events: Iterable[Event]) -> Iterator[tuple[int, Output]]:
    """Yield (seq, output) for every output; a keyframe carries the count before its event."""
    for event in events:
        before = engine.event_count
        for output in engine.process(event):
            yield (before if isinstance(output, Keyframe) else engine.event_count), output
