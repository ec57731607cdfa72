"""Translate what DuckDB and the file system say into StorageError, at the edge where it happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from streaming_worker.errors import StorageError


@contextmanager
def translated(action: str, path: Path) -> Iterator[None]:
    """Raise StorageError naming ``action`` and ``path`` for any failure of the database or the file system inside."""
    try:
        yield
    except duckdb.Error as e:
        raise StorageError(f"cannot {action} {path}: {e}", path=str(path)) from e
    except OSError as e:
        raise StorageError(f"cannot {action} {path}: {e.strerror or e}", path=str(path)) from e
