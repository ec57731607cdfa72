"""Run every vector file of a folder; what a file holds, not its name, decides what is run."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

from streaming_worker.errors import ConfigError
from streaming_worker.service.vectors import (
    algebra,
    raydium_clmm,
    raydium_cpmm,
    uniswap_v3,
    whirlpool_accounts,
    whirlpool_math,
    whirlpool_swap,
)
from streaming_worker.service.vectors.rows import Differences, Row, RowContext, RowFormat, difference

Report: TypeAlias = dict[str, Any]

MISMATCHES_SHOWN: Final = 5
FORMATS: Final[tuple[RowFormat, ...]] = (
    whirlpool_math.FORMAT,
    whirlpool_swap.STATE_FORMAT,
    whirlpool_swap.SWAP_FORMAT,
    whirlpool_accounts.ACCOUNT_FORMAT,
    whirlpool_accounts.INVALID_FORMAT,
    whirlpool_accounts.ADDRESS_FORMAT,
    uniswap_v3.MATH_FORMAT,
    uniswap_v3.SWAP_FORMAT,
    algebra.FORMAT,
    raydium_clmm.FORMAT,
    raydium_cpmm.FORMAT,
)


def run_vectors(folder: Path) -> Report:
    """Run every file of ``folder`` and count, per file, the rows that match.

    A file that holds no known vectors is listed under ``unknown`` with the reason.

    Raises: ConfigError when there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError(f"expected a folder of vectors, found none at {folder}")
    outcomes = {path.name: _run_file(path) for path in sorted(folder.iterdir())}
    files = {name: outcome for name, outcome in outcomes.items() if not isinstance(outcome, str)}
    return {
        "files": files,
        "unknown": {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, str)},
        "matched": sum(file["matched"] for file in files.values()),
        "mismatched": sum(file["mismatched"] for file in files.values()),
    }


def _run_file(path: Path) -> Report | str:
    """Return the file's report, or the reason why it is not one of vectors."""
    if not path.is_file() or not path.name.endswith((".jsonl", ".jsonl.gz")):
        return "expected a file of JSON lines (.jsonl or .jsonl.gz)"
    try:
        rows = list(_rows(path))
    except (OSError, EOFError, zlib.error, ValueError) as e:
        return f"cannot be read as JSON lines: {e!r}"
    if not rows:
        return "it holds no rows"
    if not any(row_format.knows(rows[0]) for row_format in FORMATS):
        return f"its first row is of no known format: {_names(rows[0])}"
    context = RowContext()
    mismatches = []
    for number, row in enumerate(rows, start=1):
        found = _check(row, context)
        if found:
            mismatches.append({"row": number, "id": row.get("id"), "differences": found})
    return {
        "rows": len(rows),
        "matched": len(rows) - len(mismatches),
        "mismatched": len(mismatches),
        "first_mismatches": mismatches[:MISMATCHES_SHOWN],
    }


def _check(row: Row, context: RowContext) -> Differences:
    """Check one row; a row that no format knows, or that lacks what its format needs, is a mismatch."""
    row_format = next((row_format for row_format in FORMATS if row_format.knows(row)), None)
    if row_format is None:
        return difference("format", "a known format", _names(row))
    try:
        return row_format.check(row, context)
    except (KeyError, TypeError, ValueError, ArithmeticError) as e:
        return difference("row", f"a complete row of format {row_format.name}", repr(e))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file of lines, gzipped or not. Raises ValueError on anything else."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        for line in lines:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError(f"expected one JSON object a line, received {line[:60]!r}")
            yield row


def _names(row: Row) -> str:
    return ", ".join(sorted(row))[:200]
