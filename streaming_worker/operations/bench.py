"""What ``arb bench`` times, and with which input; each part says how much work it counted."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import uvloop

from streaming_worker.adapters.clock import AnchoredClock, HandClock
from streaming_worker.adapters.collector import keep_pauses_short
from streaming_worker.app import HistoryReport, capture_synthetic_history, fold_paced, percentile_us, tape
from streaming_worker.config import Config, load_config
from streaming_worker.core.events import Event
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.errors import ConfigError
from streaming_worker.service.bench_fold import bench_decode, bench_engine
from streaming_worker.service.bench_quote import STATE_FILE, run_bench_quote
from streaming_worker.service.bench_rotation import bench_rotation
from streaming_worker.service.bench_sink import bench_sink
from streaming_worker.service.log import configure
from streaming_worker.storage.reader import open_segments
from streaming_worker.storage.segments import list_segments

Report: TypeAlias = dict[str, Any]
_MINUTES: Final = 5
_PACE: Final = 1_000
_PACED_FRAMES: Final = 8_000
USUAL_SHARED: Final = "../shared"
# any full hour; the seeded market depends on nothing else
_START_NS: Final = 500_000 * NANOS_PER_HOUR
_RECORDING: Final = Path("captures", "coinbase", "advanced_btc_eth_20260809.jsonl.gz")


def decode(path: Path | None, environ: Mapping[str, str]) -> Report:
    """Time decoding and the book over a recorded capture."""
    return bench_decode(_input(path, environ, _RECORDING))


def quote(path: Path | None, environ: Mapping[str, str]) -> Report:
    """Time exact pool quotes on a recorded pool."""
    return run_bench_quote(path or _input(None, environ, STATE_FILE).parent.parent)


def engine(path: Path | None, _: Mapping[str, str]) -> Report:
    """Time the whole fold over minutes of the synthetic market; needs no input."""
    _refuse(path)
    with tempfile.TemporaryDirectory(prefix="arb-bench-") as folder:
        config = _demo(Path(folder))
        events = _synthetic_events(config)
    return bench_engine(config.engine, events)


def end_to_end(path: Path | None, _: Mapping[str, str]) -> Report:
    """Time frames from the synthetic market to a sealed segment: protocols, engine, rows and disk; needs no input.

    Once as fast as they go, and once at 1,000 frames a second: how long from a frame to its decision, the record on.
    """
    _refuse(path)
    watch = AnchoredClock()
    with tempfile.TemporaryDirectory(prefix="arb-bench-") as folder:
        started_ns = watch.monotonic_ns()
        report = _capture(_demo(Path(folder)))
        seconds = (watch.monotonic_ns() - started_ns) / NANOS_PER_SECOND
    with tempfile.TemporaryDirectory(prefix="arb-bench-") as folder:
        config = _demo(Path(folder))
        taped = tape(config, seed=config.venues.seed, start_ns=_START_NS, frames=_PACED_FRAMES)
        paced = uvloop.run(fold_paced(config, taped, per_second=_PACE))
    return {
        "frames": report.frames,
        "events": report.events,
        "rows": report.rows,
        "segments": report.segments,
        "digest": report.digest,
        "seconds": round(seconds, 3),
        "frames_per_second": round(report.frames / seconds),
        "rows_per_second": round(report.rows / seconds),
        "times_real_time": round(_MINUTES * 60 / seconds, 1),
        "paced": {
            "frames_per_second": round(paced.frames / paced.seconds),
            "frames": paced.frames,
            "events": paced.events,
            "rows": paced.rows,
            "opportunities": paced.opportunities,
            **_percentiles("frame_to_decision", paced.laps_ns),
            **_percentiles("frame_to_decision_cpu", paced.cpu_laps_ns),
        },
    }


def _percentiles(name: str, laps_ns: Sequence[int]) -> dict[str, float]:
    return {f"{name}_p{percent}_us": percentile_us(laps_ns, float(percent)) for percent in ("50", "95", "99", "99.9")}


def sink(path: Path | None, _: Mapping[str, str]) -> Report:
    """Time the record's writer against a plain DuckDB file under the same load; needs no input."""
    _refuse(path)
    return bench_sink()


_PARTS: Final[dict[str, Callable[[Path | None, Mapping[str, str]], Report]]] = {
    "decode": decode,
    "engine": engine,
    "quote": quote,
    "sink": sink,
    "end-to-end": end_to_end,
}


def run_part(part: str, path: Path | None, environ: Mapping[str, str], *, minutes: int | None = None) -> Report:
    """Run one part. ``minutes`` is for the sink: that long under load, for what a rotation costs.

    Raises: ConfigError for input that is missing or not wanted.
    """
    keep_pauses_short()
    if minutes is None:
        return _PARTS[part](path, environ)
    if part != "sink":
        raise ConfigError("only the sink is timed for minutes; leave --minutes out", key="--minutes")
    _refuse(path)
    return bench_rotation(seconds=minutes * 60)


def _input(path: Path | None, environ: Mapping[str, str], usual: Path) -> Path:
    if path is not None:
        return path
    found = Path(environ.get("ARB_SHARED_DIR") or USUAL_SHARED) / usual
    if not found.exists():
        raise ConfigError(f"expected --input, or ARB_SHARED_DIR naming a folder with {usual}", key="--input")
    return found


def _demo(folder: Path) -> Config:
    return load_config(None, {"ARB_PROFILE": "demo", "ARB_DATA_DIR": str(folder), "ARB_CAPTURE_RAW_FRAMES": "false"})


def _refuse(path: Path | None) -> None:
    if path is not None:
        raise ConfigError("this part makes its own input; leave --input out", key="--input")


def _capture(config: Config) -> HistoryReport:
    """Capture minutes of the market as in the demo."""
    configure(level="WARNING", form="console")
    clock = HandClock(_START_NS + _MINUTES * 60 * NANOS_PER_SECOND)
    state = config.paths.state / "market.json"
    report = uvloop.run(
        capture_synthetic_history(config, hours=0, seed=config.venues.seed, market_state=state, clock=clock)
    )
    assert report is not None, "the folder is new"
    return report


def _synthetic_events(config: Config) -> list[Event]:
    """Capture, and read the inputs back."""
    _capture(config)
    with open_segments([segment.path for segment in list_segments(config.paths.data_dir)]) as reader:
        return [event for run_id in reader.run_ids() for _, event in reader.events(run_id)]
