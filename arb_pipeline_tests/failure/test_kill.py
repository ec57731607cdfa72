"""kill -9 at any moment: what was acknowledged is found exactly once, and the next start seals what was left."""

import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

from streaming_worker.storage.recovery import recover_leftovers

ROUNDS = 5


def kill_after(process: subprocess.Popen[bytes], acknowledgements: int) -> int:
    """Kill once so many acknowledgements were said; return the last seq that was acknowledged."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(acknowledgements)]
    process.kill()
    rest, errors = process.communicate(timeout=120)
    assert errors == b""
    whole = [line for line in [*lines, *rest.splitlines(keepends=True)] if line.endswith(b"\n")]
    return int(json.loads(whole[-1])["acknowledged"])


def test_what_was_acknowledged_is_found_exactly_once(
    recorder: Callable[..., subprocess.Popen[bytes]],
    recorded_seqs: Callable[[Path], dict[str, list[int]]],
    tmp_path: Path,
) -> None:
    moments = random.Random(20_260_101)
    acknowledged = {}
    for number in range(ROUNDS):
        run_id = f"run-{number}"
        process = recorder(tmp_path, run_id, 0.1)
        acknowledged[run_id] = kill_after(process, moments.randrange(1, 60))
    last = [item for item in recover_leftovers(tmp_path, "w") if item.sealed is not None]
    seqs = recorded_seqs(tmp_path)
    assert {run_id: found[: acknowledged[run_id]] for run_id, found in seqs.items()} == {
        run_id: list(range(1, count + 1)) for run_id, count in acknowledged.items()
    }
    for found in seqs.values():
        assert found == list(range(1, len(found) + 1))
    if last:
        assert last[-1].last_seq == seqs[f"run-{ROUNDS - 1}"][-1]
    assert [path.name for path in (tmp_path / "live").iterdir() if path.suffix != ".damaged"] == ["w.lock"]
