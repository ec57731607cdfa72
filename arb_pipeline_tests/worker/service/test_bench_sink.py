"""The sink's bench counts its work: both contestants write the same rows, and numbers come from commits made."""

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
