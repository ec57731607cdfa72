"""The warehouse is opened by one at a time, closed whatever happens, and a wait says who is in the way."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from arb_pipeline.resources import Warehouse
from streaming_worker.errors import StorageError

_HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """A warehouse with one table."""
    warehouse = Warehouse(path=str(tmp_path / "w" / "warehouse.duckdb"), wait_seconds=0.3)
    with warehouse.writer() as connection:
        connection.execute("CREATE TABLE t AS SELECT 42 AS n")
    return warehouse


def test_a_reader_cannot_write(warehouse: Warehouse) -> None:
    with warehouse.reader() as connection, pytest.raises(duckdb.Error, match="read-only"):
        connection.execute("DELETE FROM t")


def test_a_connection_is_closed_when_its_body_raises(warehouse: Warehouse) -> None:
    with pytest.raises(ZeroDivisionError), warehouse.writer():
        raise ZeroDivisionError
    with warehouse.writer() as connection:
        assert connection.execute("FROM t").fetchall() == [(42,)]


def test_a_held_file_is_waited_for_and_then_the_holder_is_named(warehouse: Warehouse) -> None:
    command = [sys.executable, "-c", _HOLD, warehouse.path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match=f"held by process {holder.pid} .* after 0.3 s"), warehouse.reader():
            pass
        holder.stdin.close()
        holder.wait(10)
    with warehouse.reader() as connection:
        assert connection.execute("FROM t").fetchall() == [(42,)]


def test_a_file_that_is_no_database_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(b"not a database" * 1000)
    warehouse = Warehouse(path=str(path), wait_seconds=60)
    with pytest.raises(StorageError, match="cannot open"), warehouse.reader():
        pass
