"""Processes that record, and what a folder holds after them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from streaming_worker.storage.reader import open_range

SCRIPT = Path(__file__).with_name("record_ticks.py")
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def recorder() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Return a starter of recording processes; each is ended with the test."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(data_dir: Path, run_id: str, rotate_seconds: float, **options: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(SCRIPT), str(data_dir), run_id, str(rotate_seconds), json.dumps(options)]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def recorded_seqs() -> Callable[[Path], dict[str, list[int]]]:
    """Return a reader of the seqs of each run, inputs in order; checks that outputs stand beside their inputs."""

    def read(data_dir: Path) -> dict[str, list[int]]:
        with open_range(data_dir) as reader:
            seqs = {run_id: [seq for seq, _ in reader.events(run_id)] for run_id in reader.run_ids()}
            outputs = reader.query("SELECT run_id, list(seq ORDER BY seq) FROM rejections GROUP BY run_id").fetchall()
        assert dict(outputs) == seqs
        return seqs

    return read


@pytest.fixture
def last_words() -> Callable[[subprocess.Popen[bytes]], dict[str, Any]]:
    """Return a reader of what a recording process said when its disk refused."""

    def read(process: subprocess.Popen[bytes]) -> dict[str, Any]:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 3, errors.decode()
        return dict(json.loads(output.splitlines()[-1]))

    return read
