"""What people had set when the last run ended, read back from the record, also after a kill.

From the newest keyframe on only the rows that moved the controls are read, so it takes a second or two and no replay.
What cannot be found within these bounds is an error: whoever starts a run then has to begin it paused.
"""

from pathlib import Path
from typing import Final

import msgspec

from streaming_worker.core.controls import Controls
from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_HOUR, Nanos
from streaming_worker.engine import keyframe
from streaming_worker.engine.restoration import Moves, controls_of, follow
from streaming_worker.engine.state import EngineState
from streaming_worker.errors import StorageError
from streaming_worker.storage.control_rows import command_events, transition_of
from streaming_worker.storage.reader import quoted
from streaming_worker.storage.record_reader import RecordReader, open_record
from streaming_worker.storage.schema import TABLE
from streaming_worker.storage.segments import list_segments

# A run has a keyframe at its start and at each hour's; a worker that was killed at every start looks further back.
_LOOK_BACK_NS: Final = (0, NANOS_PER_HOUR, NANOS_PER_DAY)
MOST_SEGMENTS: Final = 2_000


def read_controls(data_dir: Path, worker: str, last_ns: Nanos, *, most_segments: int = MOST_SEGMENTS) -> Controls:
    """Return what the newest run of a worker ends with; ``last_ns`` is the last moment that it recorded.

    Raises: StorageError where the record does not tell, or more segments than that would have to be opened. Blocks.
    """
    hour_ns = last_ns // NANOS_PER_HOUR * NANOS_PER_HOUR
    for back_ns in _LOOK_BACK_NS:
        found = _within(data_dir, worker, hour_ns - back_ns, most_segments)
        if found is not None:
            return found
    raise StorageError(f"no keyframe of worker {worker} in the day before its last row", path=str(data_dir))


def _within(data_dir: Path, worker: str, from_ns: Nanos, most_segments: int) -> Controls | None:
    count = sum(info.newest_ns >= from_ns for info in list_segments(data_dir, worker))
    if count > most_segments:
        raise StorageError(f"{count} segments to look through, more than {most_segments}", path=str(data_dir))
    with open_record(data_dir, from_ns=from_ns, worker=worker, has_published=False) as record:
        try:
            return next(filter(None, (_of_run(record, run_id) for run_id in reversed(record.run_ids()))), None)
        except (ValueError, msgspec.DecodeError) as e:
            raise StorageError(f"the controls in the record cannot be read: {e}", path=str(data_dir)) from e


def _of_run(record: RecordReader, run_id: str) -> Controls | None:
    own = f"run_id = {quoted(run_id)}"
    rows = record.rows(f"SELECT seq, received_ns, state FROM keyframes WHERE {own} ORDER BY seq DESC LIMIT 1")  # noqa: S608 - our own names, a quoted id
    if not rows:
        return None
    seq, received_ns, content = rows[0]
    state = keyframe.load(bytes(content))
    follow(state, _moves(record, f"{own} AND seq > {seq}", state, received_ns))
    return controls_of(state, run_id)


def _moves(record: RecordReader, where: str, state: EngineState, keyframe_ns: Nanos) -> Moves:
    columns, moved = (", ".join(TABLE[name].column_names) for name in ("commands", "risk_events"))
    inputs = tuple(command_events(iter(record.rows(f"SELECT {columns} FROM commands WHERE {where} ORDER BY seq"))))  # noqa: S608 - as above
    last = record.rows(f"SELECT {moved} FROM risk_events WHERE {where} ORDER BY seq DESC LIMIT 1")  # noqa: S608 - as above
    (newest_ns,) = record.rows(f"SELECT max(received_ns) FROM clock_ticks WHERE {where}")[0]  # noqa: S608 - as above
    day = max(keyframe_ns, newest_ns or 0, *(one.received_ns for _, one in inputs)) // NANOS_PER_DAY
    return Moves(
        inputs=inputs,
        transition=transition_of(last[0]) if last else None,
        day=day,
        realised_usd_e8=_realised(record, f"{where} AND received_ns >= {day * NANOS_PER_DAY}", state),
    )


def _realised(record: RecordReader, where: str, state: EngineState) -> int:
    """Sum the trades that count: those of the primary latency, and the turns of cycles at it."""
    primary = f"latency_ns = {state.settings.simulation.primary_ns}"
    trades = f"SELECT realised_net_usd_e8 AS net FROM simulated_trades WHERE {where} AND {primary}"  # noqa: S608 - as above
    turns = f"SELECT realised_net_e8 AS net FROM cycle_trades WHERE {where} AND {primary}"  # noqa: S608 - as above
    both = f"{trades} AND latency_model = 'fixed' UNION ALL {turns}"
    return int(record.rows(f"SELECT coalesce(sum(net), 0) FROM ({both})")[0][0])  # noqa: S608 - as above
