"""Translate what DuckDB and the file system say into StorageError, at the edge where it happens."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from streaming_worker.errors import StorageError

_DAMAGE: Final = re.compile(
    r"Corrupt|checksum|not a valid DuckDB|[Ss]erializ|while replaying WAL|INTERNAL Error|FATAL Error"
    r"|Could not read enough bytes"
)
_REFUSAL: Final = re.compile(r"Could not set lock|No space left|Permission denied|Read-only|Too many open files")


def is_damage(error: duckdb.Error) -> bool:
    """Say whether DuckDB found a file's bytes to be wrong, rather than the disk or another process in its way."""
    return _DAMAGE.search(str(error)) is not None and _REFUSAL.search(str(error)) is None


@contextmanager
def translated(action: str, path: Path) -> Iterator[None]:
    """Raise StorageError naming ``action`` and ``path`` for any failure of the database or the file system inside."""
    try:
        yield
    except duckdb.Error as e:
        raise StorageError(f"cannot {action} {path}: {e}", path=str(path)) from e
    except OSError as e:
        raise StorageError(f"cannot {action} {path}: {e.strerror or e}", path=str(path)) from e
