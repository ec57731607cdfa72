"""Replay recordings and the record itself through the production path, and say what they gave.

Three kinds of input: recorded captures, sealed segments, and a lake. Every file that is none of them is listed with
the reason; nothing is repaired, every oddity is counted.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from streaming_worker.adapters.clock import AnchoredClock, Clock
from streaming_worker.adapters.recorder import UnknownFile, open_recording
from streaming_worker.errors import ConfigError, StorageError
from streaming_worker.service.capture_replay import CaptureReplay
from streaming_worker.service.record_replay import RunReplay, Stretch, is_lake, open_lake, open_segment
from streaming_worker.service.replay_report import Report, capture_report, overall_report, run_report
from streaming_worker.service.survey import survey
from streaming_worker.storage.segments import parse_sealed

Progress: TypeAlias = Callable[[str, int, int], None]
_RECORD_SUFFIXES = frozenset({".duckdb", ".parquet"})


def replay_captures(paths: Sequence[Path], *, clock: Clock | None = None, progress: Progress | None = None) -> Report:
    """Replay everything under ``paths``: captures each on its own, the record run by run.

    ``progress`` is called with each file's name, its number and how many there are.
    Raises: ConfigError when a path does not exist.
    """
    replay = _Replay(AnchoredClock() if clock is None else clock)
    files = dict(_named_files(paths))
    for number, (name, path) in enumerate(files.items(), start=1):
        if progress is not None:
            progress(name, number, len(files))
        replay.take(name, path)
    return replay.report()


class _Replay:
    """Everything replayed so far, by name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started_ns = clock.monotonic_ns()
        self._captures: dict[str, CaptureReplay] = {}
        self._runs: dict[str, RunReplay] = {}
        self._skipped: dict[str, str] = {}

    def take(self, name: str, path: Path) -> None:
        """Replay one file, or one lake, or note why not."""
        try:
            if path.is_dir():
                with open_lake(path) as stretches:
                    for stretch in stretches:
                        self._stretch(stretch)
            elif path.suffix in _RECORD_SUFFIXES:
                self._record_file(name, path)
            else:
                self._capture(name, path)
        except StorageError as e:
            self._skipped[name] = str(e)

    def report(self) -> Report:
        """Return the whole outcome; ``runs`` is there only when a record was replayed."""
        elapsed_ns = self._clock.monotonic_ns() - self._started_ns
        runs = {name: run_report(run) for name, run in self._runs.items()}
        return {
            "captures": {name: capture_report(replay) for name, replay in self._captures.items()},
            **({"runs": runs} if runs else {}),
            "overall": overall_report(self._captures, self._runs, elapsed_ns=elapsed_ns),
            "skipped": self._skipped,
        }

    def _record_file(self, name: str, path: Path) -> None:
        if parse_sealed(path) is None:
            self._skipped[name] = "not a sealed segment; Parquet files are read with their lake folder"
            return
        with open_segment(path) as stretch:
            self._stretch(stretch)

    def _stretch(self, stretch: Stretch) -> None:
        name = "/".join(stretch.run)
        if name not in self._runs:
            self._runs[name] = RunReplay(stretch.run)
        self._runs[name].take(stretch)

    def _capture(self, name: str, path: Path) -> None:
        recording = open_recording(path)
        if isinstance(recording, UnknownFile):
            self._skipped[name] = recording.reason
            return
        found = survey(recording)
        if isinstance(found, UnknownFile):
            self._skipped[name] = found.reason
            return
        replay = CaptureReplay(found, self._clock, has_wall_clock=recording.has_wall_clock)
        replay.run(recording)
        self._captures[name] = replay


def _named_files(paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Yield each file once with its path relative to the given folder; a name taken twice gets its whole path."""
    taken: set[str] = set()
    for given in paths:
        if not given.exists():
            raise ConfigError(f"no such file or folder: {given}", key=str(given))
        for path in _files(given):
            name = path.relative_to(given).as_posix() if path != given else path.name
            if name in taken:
                name = path.as_posix()
            taken.add(name)
            yield name, path


def _files(given: Path) -> Iterator[Path]:
    """Yield the files of a folder in order; a lake counts as one, and what it holds is not named again."""
    if not given.is_dir() or is_lake(given):
        yield given
        return
    for path in sorted(given.iterdir()):
        yield from _files(path)
