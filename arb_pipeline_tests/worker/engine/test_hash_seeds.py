"""One digest whatever the interpreter's hash seed and however the events come in: the order of sets reaches nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from itertools import islice
from arb_pipeline_tests.fixtures.market import COINBASE, GEMINI, Script, allocations, settings
from arb_pipeline_tests.worker.engine.test_holdings import WAYS
from streaming_worker.core.rebalancing import RebalancingSettings
from streaming_worker.core.units import E8
from streaming_worker.engine import keyframe
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.replay import replay

rebalancing = RebalancingSettings(routes=WAYS, is_automatic=True)
made = settings(allocations=allocations(sol=20, low=18), rebalancing=rebalancing)
script = Script(Engine(made))
script.calm()
for price in (148, 152, 147, 150, 153, 149):
    for book in (GEMINI, COINBASE):
        script.now_ns += 1_000_000
        script.book(book, price * E8, price * E8 + E8 // 100)
    script.wait(31_000_000_000 if price == 147 else 2_500_000_000)
chunk, events, engine = int(sys.argv[1]), iter(script.events), Engine(made)
while part := list(islice(events, chunk)):
    for _ in replay(engine, part):
        pass
    engine = Engine.resume(keyframe.dump(engine.state))
assert engine.digest() == script.engine.digest()
print(engine.digest(), engine.event_count, len(script.outputs))
"""


@pytest.fixture(scope="module")
def digest(repository: Path) -> str:
    """Return what a run with hash seed 0 in one piece prints."""
    return run(repository, seed="0", chunk=10**9)


def run(repository: Path, *, seed: str, chunk: int) -> str:
    """Fold a fixed market in a fresh interpreter, resumed from its own keyframe after each chunk."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(chunk)],
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(repository)},
        cwd=repository, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("seed", "chunk"), [("1", 10**9), ("4294967295", 97), ("12345", 200)])
def test_hash_seeds_and_chunk_sizes_do_not_change_the_digest(
    repository: Path, digest: str, seed: str, chunk: int
) -> None:
    assert int(digest.split()[2]) > 50
    assert run(repository, seed=seed, chunk=chunk) == digest
