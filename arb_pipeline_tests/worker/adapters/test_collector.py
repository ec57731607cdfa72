"""The collector leaves alone what a process is made of."""

import subprocess
import sys

SCRIPT = """
import gc
import polars, pyarrow, duckdb  # what the worker is made of
from streaming_worker.adapters.collector import keep_pauses_short

gc.collect()
before = len(gc.get_objects())
keep_pauses_short()
left = len(gc.get_objects())
assert left * 20 < before, (left, before)
assert gc.get_freeze_count() >= before // 2
assert gc.get_threshold()[0] > 700
cycle = []
cycle.append(cycle)
del cycle
assert gc.collect() >= 1, "what comes after is still collected"
"""


def test_what_exists_is_set_aside_and_what_comes_is_collected() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
