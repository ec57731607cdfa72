"""What may be deleted follows from the rules alone; what is not in the lake, or a replay needs, never goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_HOUR
from streaming_worker.errors import ConfigError
from streaming_worker.storage.retention import REPLAYED, KeepRules, KeptFile, KeptSegment, Kind, plan

NOW = 20_000 * NANOS_PER_DAY


def segment(name: str, hours_ago: float | None) -> KeptSegment:
    compacted_ns = None if hours_ago is None else NOW - round(hours_ago * NANOS_PER_HOUR)
    return KeptSegment(worker="main", name=name, size=10, compacted_ns=compacted_ns)


def file(table: str, days_ago: int, size: int = 100) -> KeptFile:
    hour_ns = NOW - days_ago * NANOS_PER_DAY - NANOS_PER_HOUR
    return KeptFile(path=f"{table}/{days_ago}.parquet", table=table, hour_ns=hour_ns, size=size)


def test_a_segment_goes_only_when_it_was_verified_long_enough_ago() -> None:
    segments = [segment("old", 73), segment("edge", 72), segment("young", 71.9), segment("waiting", None)]
    removals = plan(segments, [], KeepRules(segment_hours=72), now_ns=NOW)
    assert [(r.kind, r.path) for r in removals] == [(Kind.SEGMENT, "main/old"), (Kind.SEGMENT, "main/edge")]
    assert removals[0].reason.startswith("in the lake and verified 73 hours ago")


def test_each_table_has_its_period_and_the_oldest_goes_first() -> None:
    rules = KeepRules(days={"raw_frames": 7, "dead_letters": 30}, other_days=None)
    files = [file("raw_frames", 7), file("raw_frames", 6), file("dead_letters", 31), file("book_updates", 900)]
    removals = plan([], files, rules, now_ns=NOW)
    assert [r.path for r in removals] == ["dead_letters/31.parquet", "raw_frames/7.parquet"]
    assert removals[1].reason == "the hour ended 7 days ago; raw_frames is kept 7 days"


def test_a_replayed_copy_is_kept_as_long_as_what_it_copies() -> None:
    rules = KeepRules(days={"opportunities": 5})
    removals = plan([], [file("replayed_opportunities", 6), file("pnl_hourly", 6)], rules, now_ns=NOW)
    assert [r.path for r in removals] == ["replayed_opportunities/6.parquet"]


def test_raw_frames_alone_go_before_their_time_and_only_as_many_as_are_wanted() -> None:
    files = [file("raw_frames", 1), file("raw_frames", 3), file("raw_frames", 2), file("book_updates", 5)]
    removals = plan([segment("old", 100)], files, KeepRules(), now_ns=NOW, room_wanted=150)
    assert [r.path for r in removals] == ["main/old", "raw_frames/3.parquet", "raw_frames/2.parquet"]
    assert "the disk needs room" in removals[-1].reason
    assert len(plan([], files, KeepRules(), now_ns=NOW, room_wanted=10**9)) == 3


@given(
    st.lists(
        st.tuples(st.sampled_from([*REPLAYED, "raw_frames", "gaps"]), st.integers(0, 60)), max_size=30, unique=True
    ),
    st.integers(0, 5_000),
    st.none() | st.integers(0, 50),
)
def test_a_replay_loses_all_of_an_hour_or_nothing(ages: list[tuple[str, int]], room: int, days: int | None) -> None:
    rules = KeepRules(days={"raw_frames": 3, "gaps": 9}, other_days=days)
    files = [file(table, age) for table, age in ages]
    gone = {removal.path for removal in plan([], files, rules, now_ns=NOW, room_wanted=room)}
    needed = {(table, age) for table, age in ages if table in REPLAYED}
    for age in {age for _, age in needed}:
        hour = [f"{table}/{age}.parquet" in gone for table, at in needed if at == age]
        assert len(set(hour)) == 1
        assert hour[0] == (days is not None and age >= days)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"days": {"raw_frame": 1}}, "unknown table raw_frame; allowed: book_updates"),
        ({"days": {"raw_frames": -1}}, "raw_frames: expected at least 0, received -1"),
        ({"segment_hours": -1}, "segment_hours: expected at least 0"),
        ({"days": {"book_updates": 30}}, "a replay needs book_updates"),
        ({"days": {"keyframes": 30}, "other_days": 31}, "expected one period"),
    ],
)
def test_rules_that_would_break_a_replay_are_refused(rules: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        KeepRules(**rules)
