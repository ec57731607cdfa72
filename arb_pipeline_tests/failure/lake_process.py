"""A process that does the pipeline's work on a data folder, for tests that kill it or read beside it.

Arguments: ``loop FOLDER`` compacts, lets go of the compacted segments at once and publishes, again and again until
stdin says something, and prints how often. ``serve`` reads lines of ``compact|publish FOLDER SECONDS``, does each in a
child that is killed after that time, and answers ``killed``, ``done`` or ``failed``: a child needs no new start of
Python, so that a thousand kills take a minute.
"""

import atexit
import functools
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from arb_pipeline.lake.catalogue import Catalogue
from arb_pipeline.lake.compaction import Segment, compact, ensure_placeholders
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline.lake.publishing import publish
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.storage.segments import list_segments, sealed_path

CLOCK = AnchoredClock()
LATER = 5  # as `arb up` starts the pipeline


@functools.cache
def _empty_lake() -> Path:
    """Return a lake without rows, made once a process: its empty files and their syncs take a second."""
    folder = Path(tempfile.mkdtemp(prefix="arb-empty-lake-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ensure_placeholders(LakeLayout(folder / "lake"))
    return folder / "lake"


def begin_lake(data_dir: Path) -> None:
    """Give a data folder a copy of an empty lake, unless it has one."""
    if not (data_dir / "lake").exists():
        shutil.copytree(_empty_lake(), data_dir / "lake")


def compact_quickly(data_dir: Path) -> int:
    """Do the same as ``compact_all``, starting a new lake from a copy of an empty one."""
    begin_lake(data_dir)
    return compact_all(data_dir)


def compact_all(data_dir: Path) -> int:
    """Compact what is sealed; returns how many segments went into the lake."""
    layout = LakeLayout(data_dir / "lake")
    sealed = [Segment(info.worker, info.path) for info in list_segments(data_dir)]
    return len(compact(layout, Catalogue(layout.catalogue), sealed, now=CLOCK.now_ns).segments)


def remove_compacted(data_dir: Path) -> None:
    """Let go of every segment that is in the lake, as the pipeline does after some days."""
    catalogue = Catalogue(LakeLayout(data_dir / "lake").catalogue)
    gone = catalogue.removable_segments(before_ns=CLOCK.now_ns())
    for worker, name in gone:
        (sealed_path(data_dir, worker, 0, 0).parent / f"{name}.duckdb").unlink(missing_ok=True)
    catalogue.mark_removed(gone, now_ns=CLOCK.now_ns())


def make_warehouse(data_dir: Path, rows: int) -> None:
    """Make a warehouse with one mart."""
    path = data_dir / "warehouse" / "warehouse.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS marts")
        connection.execute(f"CREATE OR REPLACE TABLE marts.fct_numbers AS SELECT range AS number FROM range({rows})")


def publish_all(data_dir: Path) -> None:
    """Publish the warehouse."""
    warehouse = data_dir / "warehouse" / "warehouse.duckdb"
    publish(warehouse, LakeLayout(data_dir / "lake"), data_dir / "published" / "arb.duckdb")


def loop(data_dir: Path) -> dict[str, int]:
    """Work until stdin ends."""
    done = {"compactions": 0, "segments": 0, "publications": 0}
    while not select.select([sys.stdin], [], [], 0)[0]:
        compacted = compact_all(data_dir)
        remove_compacted(data_dir)
        if compacted:
            make_warehouse(data_dir, done["segments"] + compacted)
            publish_all(data_dir)
            done["publications"] += 1
        done["compactions"] += 1
        done["segments"] += compacted
    return done


def serve() -> None:
    """Do what the lines say."""
    actions = {"compact": compact_all, "publish": publish_all}
    for line in sys.stdin:
        action, folder, seconds = line.split()
        child = os.fork()
        if child == 0:
            actions[action](Path(folder))
            os._exit(0)
        sys.stdout.write(_end(child, float(seconds)) + "\n")
        sys.stdout.flush()


def _end(child: int, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return "done" if status == 0 else "failed"
        time.sleep(0.000_5)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "killed"


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        os.nice(LATER)
        sys.stdout.write(json.dumps(loop(Path(sys.argv[2]))))
