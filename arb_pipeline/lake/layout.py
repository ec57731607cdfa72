"""Where the files of the lake are, and how a file appears there: written beside, synced, renamed."""

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from arb_pipeline.hours import Hour
from arb_pipeline.lake.tables import LakeTable

_PLACEHOLDER_FOLDER = "date=1970-01-01/hour=00"


@dataclass(frozen=True, slots=True)
class LakeLayout:
    """Paths under one root: ``<table>/date=YYYY-MM-DD/hour=HH/<name>.parquet``."""

    root: Path

    @property
    def catalogue(self) -> Path:
        """Return the file that lists every Parquet file with its rows and hash."""
        return self.root / "manifest.sqlite"

    def folder(self, table: str, hour: Hour) -> Path:
        """Return the folder of one table's hour."""
        return self.root / table / hour.folder

    def glob(self, table: str) -> str:
        """Return the pattern of all files of a table."""
        return f"{self.root}/{table}/*/*/*.parquet"

    def placeholder(self, table: LakeTable) -> Path:
        """Return the empty file that gives a table its columns before any row exists; the name follows the columns."""
        text = ",".join(f"{column.name}:{column.type.value}" for column in table.columns)
        mark = hashlib.sha256(text.encode()).hexdigest()[:8]
        return self.root / table.name / _PLACEHOLDER_FOLDER / f"empty-{mark}.parquet"

    def hour_files(self, table: LakeTable, hours: Iterable[Hour]) -> list[Path]:
        """Return the placeholder and the files of some hours, in name order."""
        files = [self.placeholder(table)]
        for hour in sorted(hours):
            files.extend(sorted(self.folder(table.name, hour).glob("*.parquet")))
        return files


def sha256_of(path: Path) -> str:
    """Return the hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def appear(written: Path, final: Path) -> None:
    """Sync a finished file and move it to its name in one step; a file already there is replaced."""
    with written.open("rb") as file:
        os.fsync(file.fileno())
    written.replace(final)
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def beside(final: Path) -> Path:
    """Return where this process writes what will appear at ``final``, and clear away what dead processes left there.

    Two processes that make the same file never write into each other's: the last one to finish wins, as a whole.
    """
    # A database that was being written has its log beside it.
    for left in final.parent.glob(f".{final.name}.*.new*"):
        if not _is_alive(left.name.removeprefix(f".{final.name}.").split(".")[0]):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    return final.with_name(f".{final.name}.{os.getpid()}.new")


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        return True
    return True
