"""What is recorded comes back exactly: any list of events, as rows, through DuckDB, is the same list."""

from collections.abc import Iterator, Sequence

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streaming_worker.core.amm.pool_state import Tick, TickArray
from streaming_worker.core.events import BookDelta, BookSnapshot, ClockTick, Event, FeedConnected, TickArrayUpdate
from streaming_worker.errors import StorageError
from streaming_worker.storage import inputs
from streaming_worker.storage.batch import Batch
from streaming_worker.storage.inputs import read_events
from streaming_worker.storage.rows import event_rows
from streaming_worker.storage.schema import TABLES, Role


@pytest.fixture
def record() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": "1"})
    for table in TABLES:
        connection.execute(table.ddl)
    yield connection
    connection.close()


def insert(record: duckdb.DuckDBPyConnection, numbered: Sequence[tuple[int, Event]]) -> None:
    batch = Batch()
    for seq, event in numbered:
        batch.add(event_rows(seq, event))
    for name, table in batch.tables():
        record.from_arrow(table).insert_into(name)


def clear(record: duckdb.DuckDBPyConnection) -> None:
    for table in TABLES:
        if table.role is Role.INPUT:
            record.execute(f"TRUNCATE {table.name}")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_list_of_events_comes_back_identical(record, any_event, data) -> None:
    events = data.draw(st.lists(any_event, max_size=25))
    clear(record)
    numbered = list(enumerate(events, start=1))
    insert(record, numbered)
    assert list(read_events(record, str)) == numbered


def test_a_window_boundary_neither_loses_nor_repeats(record) -> None:
    total = inputs.WINDOW_SEQS + 3
    insert(record, [(seq, ClockTick(seq * 7)) for seq in range(1, total + 1)])
    events = list(read_events(record, str))
    assert [seq for seq, _ in events] == list(range(1, total + 1))
    assert events[-1] == (total, ClockTick(total * 7))


def test_reading_can_start_after_a_keyframe_and_stop_early(record) -> None:
    insert(record, [(seq, ClockTick(seq)) for seq in range(1, 11)])
    assert [seq for seq, _ in read_events(record, str, after_seq=3, until_seq=6)] == [4, 5, 6]


def test_an_empty_record_has_no_events(record) -> None:
    assert list(read_events(record, str)) == []


def test_levels_keep_their_order_whatever_the_order_of_the_rows(record) -> None:
    event = BookSnapshot("gemini:SOLUSD", [(1, 2), (5, 6), (3, 4)], [(9, 1), (8, 1)], None, 100, 7)
    rows = event_rows(1, event)
    batch = Batch()
    batch.add(reversed(rows))
    for name, table in batch.tables():
        record.from_arrow(table).insert_into(name)
    assert list(read_events(record, str)) == [(1, event)]


def test_a_relation_may_be_a_select(record) -> None:
    insert(record, [(1, ClockTick(5)), (2, BookDelta("a:b", [(1, 1)], [], None, 6))])
    events = read_events(record, lambda table: f"(SELECT * FROM {table} WHERE received_ns > 5)")
    assert list(events) == [(2, BookDelta("a:b", [(1, 1)], [], None, 6))]


def test_a_seq_that_appears_twice_is_named(record) -> None:
    insert(record, [(1, ClockTick(5)), (1, ClockTick(6))])
    with pytest.raises(StorageError, match="seq once, received 1 again"):
        list(read_events(record, str))


def test_a_level_that_is_missing_is_named(record) -> None:
    insert(record, [(4, BookDelta("a:b", [(1, 1), (2, 2)], [(3, 3)], None, 6))])
    record.execute("DELETE FROM book_updates WHERE price_e8 = 2")
    with pytest.raises(StorageError, match="seq 4: expected 3 level rows, received 2"):
        list(read_events(record, str))


def test_a_value_that_no_event_has_is_a_storage_error(record) -> None:
    record.execute("INSERT INTO commands VALUES (1, 2, 'id', 'trade', 'who', 'why', NULL, NULL, NULL, NULL)")
    with pytest.raises(StorageError, match="trade"):
        list(read_events(record, str))


def test_a_table_that_is_missing_is_a_storage_error(record) -> None:
    record.execute("DROP TABLE commands")
    with pytest.raises(StorageError, match="commands"):
        list(read_events(record, str))


def test_a_kind_of_feed_event_that_does_not_exist_is_named(record) -> None:
    insert(record, [(3, FeedConnected("gemini", 1, 2))])
    record.execute("UPDATE feed_events SET kind = 'paused'")
    with pytest.raises(StorageError, match=r"seq 3: expected one of .*heartbeat.*, received 'paused'"):
        list(read_events(record, str))


def test_a_tick_that_appears_twice_is_named(record) -> None:
    array = TickArray(0, (Tick(8, -5, 5),))
    insert(record, [(3, TickArrayUpdate("orca:p", 4, array, 2))])
    record.execute("INSERT INTO tick_arrays SELECT * FROM tick_arrays")
    with pytest.raises(StorageError, match="seq 3: expected each tick once"):
        list(read_events(record, str))
