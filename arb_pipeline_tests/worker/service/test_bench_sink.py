"""The sink's bench counts its work: both contestants write the same rows, and numbers come from commits made."""

from streaming_worker.service.bench_rotation import _is_near, bench_rotation
from streaming_worker.service.bench_sink import bench_sink


def test_both_contestants_write_every_row_of_the_load() -> None:
    found = bench_sink(seconds=0.5, rounds=1)
    sink, plain = found["sink"], found["plain_duckdb"]
    assert isinstance(sink, dict)
    assert isinstance(plain, dict)
    assert sink["rows"] == plain["rows"] == (9 * 89 + 1_200) * 5
    for contestant in (sink, plain):
        assert 0 < contestant["commit_p50_ms"] <= contestant["commit_p95_ms"] <= contestant["commit_p99_ms"]
        assert contestant["bytes_per_row"] > 1
        assert contestant["cpu_us_per_row"] > 0


def test_the_rotation_bench_tells_what_happens_around_a_rotation_from_the_rest() -> None:
    found = bench_rotation(seconds=1.5, rotate_seconds=0.4)
    rotations, rows = found["rotations"], found["rows"]
    assert isinstance(rotations, int)
    assert rotations >= 1
    assert rows == (27 * 89 + 3 * 1_200) * 5
    for name in ("until_acknowledged_ms", "commit_ms", "loop_lag_ms"):
        parts = found[name]
        assert isinstance(parts, dict)
        assert parts["around_rotations"]["count"] > 0
        for facts in parts.values():
            assert facts["p50"] <= facts["p99"] <= facts["max"]


def test_moments_are_told_apart_by_the_seal_that_follows_or_has_just_been() -> None:
    second = 1_000_000_000
    seals = [10 * second, 30 * second]
    near = [at for at in range(0, 40 * second, second // 2) if _is_near(at, seals)]
    assert [at / second for at in near] == [8.5, 9, 9.5, 10, 10.5, 28.5, 29, 29.5, 30, 30.5]
    assert not _is_near(5, [])
