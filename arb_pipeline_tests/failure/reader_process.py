"""A reader that is not ours: it asks again and again until stdin ends, and says how often, and what went wrong.

Arguments: ``cli|polars|record FOLDER``. ``cli`` is the DuckDB shell on the published file, ``polars`` reads the lake's
files by itself, ``record`` is a second Python with our reader. Each answer is (rows, distinct seqs, newest seq).
"""

import json
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl

from streaming_worker.errors import StorageError
from streaming_worker.storage.record_reader import open_record

FACTS = "SELECT count(*) AS n, count(DISTINCT seq) AS seqs, coalesce(max(seq), 0) AS newest FROM {} AS b"
Answer = tuple[int, int, int]


def by_shell(data_dir: Path) -> Answer:
    """Ask the DuckDB shell, a new process each time, as an analyst's script does."""
    published = data_dir / "published" / "arb.duckdb"
    if not published.exists():
        return 0, 0, 0
    shell = Path(sys.executable).with_name("duckdb")
    command = [str(shell), "-readonly", "-json", str(published), FACTS.format("lake.book_updates")]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if found.returncode or found.stderr.strip():
        raise StorageError(found.stderr.strip())
    (row,) = json.loads(found.stdout)
    return row["n"], row["seqs"], row["newest"]


def by_polars(data_dir: Path) -> Answer:
    """Read every Parquet file that is there."""
    files = sorted((data_dir / "lake" / "book_updates").glob("date=2*/*/*.parquet"))
    if not files:
        return 0, 0, 0
    seqs = pl.scan_parquet(files, hive_partitioning=False).select("seq").collect()["seq"]
    newest = seqs.max()
    return len(seqs), seqs.n_unique(), newest if isinstance(newest, int) else 0


def by_record(data_dir: Path) -> Answer:
    """Ask over segments and lake together."""
    with open_record(data_dir) as record:
        n, seqs, newest = record.rows(FACTS.format("book_updates"))[0]
        return n, seqs, newest


READERS: dict[str, Callable[[Path], Answer]] = {"cli": by_shell, "polars": by_polars, "record": by_record}


def main() -> None:
    """Ask until told to end."""
    ask, data_dir = READERS[sys.argv[1]], Path(sys.argv[2])
    answers, problems, newest = 0, [], 0
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    is_last = False
    while not is_last:
        # once more after the end: by then everything is there
        is_last = bool(select.select([sys.stdin], [], [], 0.02)[0])
        try:
            rows, seqs, last = ask(data_dir)
        except (StorageError, OSError, pl.exceptions.PolarsError) as e:
            problems.append(f"{type(e).__name__}: {e}"[:300])
            continue
        if rows != 2 * seqs or last < newest:
            problems.append(f"{rows} rows of {seqs} events, newest {last} after {newest}")
        answers, newest = answers + 1, last
    sys.stdout.write(json.dumps({"answers": answers, "problems": problems[:20], "newest": newest}))


if __name__ == "__main__":
    main()
