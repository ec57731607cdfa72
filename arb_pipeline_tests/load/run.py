"""Load the API with 100, 500 and 1,000 users, then with live streams, and measure both it and the worker beside it.

Run: python -m arb_pipeline_tests.load.run [--users 100,500,1000] [--seconds 60] [--viewers 200] [--json]

A user looks at another screen every one to five seconds (three on average). The generator, the local venues, the
worker and the API share the machine's cores; what each of them takes is in the report, so that a slow answer can be
told from a starved generator. Percentiles of the worker are interpolated within its histogram's buckets.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from arb_pipeline_tests.load.stand import Stand, open_stand, percentile_s
from arb_pipeline_tests.load.viewers import measure_viewers

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
NAMES = {100: "normal", 500: "peak", 1000: "stress"}
REPOSITORY = Path(__file__).resolve().parents[2]


def measure(stand: Stand, users: int, seconds: int) -> dict[str, Any]:
    """Run one scenario; return what it was like. Users come within a fifth of the time."""
    before, decided, started = stand.used(), stand.decisions(), time.monotonic()
    generated_s = _children_cpu_s()
    stats = [] if users == 0 else _locust(stand, users, seconds)
    if users == 0:
        time.sleep(seconds)
    elapsed = time.monotonic() - started
    after = stand.used()
    later = stand.decisions()
    return {
        "scenario": NAMES.get(users, "quiet" if users == 0 else "other"),
        "users": users,
        "seconds": round(elapsed, 1),
        **_answers(stats, elapsed),
        "worker_frame_to_decision_p50_ms": _ms(percentile_s(decided, later, 0.5)),
        "worker_frame_to_decision_p99_ms": _ms(percentile_s(decided, later, 0.99)),
        **{
            f"{name}_cpu_percent": round((after[name].cpu_s - one.cpu_s) / elapsed * 100)
            for name, one in before.items()
        },
        "generator_cpu_percent": round((_children_cpu_s() - generated_s) / elapsed * 100),
        **{f"{name}_memory_mb": round(after[name].memory_mb) for name in before},
    }


def _children_cpu_s() -> float:
    """The generator's own cost: it is our only child that ends while we measure."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _locust(stand: Stand, users: int, seconds: int) -> list[dict[str, Any]]:
    rate = max(users * 5 / seconds, 1)
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--json", "--host", stand.api]
    command += [
        "-u",
        str(users),
        "-r",
        str(rate),
        "-t",
        f"{seconds}s",
        "--loglevel",
        "ERROR",
        "--exit-code-on-error",
        "0",
    ]
    environ = {**os.environ, "LOAD_KEYS": str(stand.folder / "keys.txt")}
    result = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert result.returncode == 0, result.stderr[-2_000:]
    return list(json.loads(result.stdout))


def _answers(stats: list[dict[str, Any]], elapsed: float) -> dict[str, Any]:
    times: Counter[float] = Counter()
    for entry in stats:
        times.update({float(ms): int(count) for ms, count in entry["response_times"].items()})
    requests = sum(entry["num_requests"] for entry in stats)
    slowest = sorted(
        stats, key=lambda entry: entry["total_response_time"] / max(entry["num_requests"], 1), reverse=True
    )
    return {
        "requests": requests,
        "requests_per_second": round(requests / elapsed, 1),
        "errors": sum(entry["num_failures"] for entry in stats),
        **{f"p{share}_ms": _percentile(times, share) for share in (50, 95, 99)},
        "slowest": {entry["name"]: _percentile({float(k): v for k, v in entry["response_times"].items()}, 95)
                    for entry in slowest[:4]},
    }  # fmt: skip


def _percentile(times: "Counter[float] | dict[float, int]", share: int) -> float | None:
    wanted, seen = math.ceil(sum(times.values()) * share / 100), 0
    for ms in sorted(times):
        seen += times[ms]
        if seen >= wanted:
            return ms
    return None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def table(rows: list[dict[str, Any]]) -> str:
    """Return the report as a Markdown table."""
    shown = [name for name in rows[0] if name != "slowest"]
    lines = ["| measure | " + " | ".join(str(row["scenario"]) for row in rows) + " |", "|---" * (len(rows) + 1) + "|"]
    lines += ["| " + " | ".join([name, *(str(row[name]) for row in rows)]) + " |" for name in shown[1:]]
    return "\n".join(lines)


def main() -> int:
    """Run the scenarios one after another on one stand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", default="100,500,1000")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--viewers", type=int, default=200, help="live streams; one in ten never reads; 0 for none")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    counts = [int(text) for text in given.users.split(",")]
    crowd: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="arb-load-") as folder, open_stand(Path(folder), max(counts)) as stand:
        rows = [measure(stand, users, given.seconds) for users in (0, *counts)]
        if given.viewers:
            crowd = measure_viewers(stand, given.viewers, given.viewers // 10, given.seconds)
    if given.json:
        sys.stdout.write(json.dumps({"users": rows, "viewers": crowd}, indent=2) + "\n")
    else:
        sys.stdout.write(f"{table(rows)}\n\n{json.dumps(crowd, indent=2)}\n")
    return 1 if any(row["errors"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
