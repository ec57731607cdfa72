"""The level of a disk follows its free space, and is left only with a margin."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_worker.errors import StorageError
from streaming_worker.storage.disk import MEGABYTE, DiskGauge, DiskLevel, DiskLimits, free_bytes

LIMITS = DiskLimits(warn=2_000 * MEGABYTE, raw_frames=1_000 * MEGABYTE, capture=500 * MEGABYTE)
FREE = st.integers(0, 3_000 * MEGABYTE)


class Disk:
    """A disk whose free space is set by hand."""

    def __init__(self) -> None:
        self.free = 0

    def __call__(self, _: Path) -> int:
        return self.free


def levels(*megabytes: int, limits: DiskLimits = LIMITS) -> list[DiskLevel]:
    disk, seen = Disk(), []
    gauge = DiskGauge(Path("data"), limits, disk)
    for free in megabytes:
        disk.free = free * MEGABYTE
        seen.append(gauge.look())
    return seen


def test_each_limit_is_a_step() -> None:
    assert levels(2_000, 1_999, 1_000, 999, 500, 499, 0) == [
        DiskLevel.PLENTY,
        DiskLevel.LOW,
        DiskLevel.LOW,
        DiskLevel.NO_RAW_FRAMES,
        DiskLevel.NO_RAW_FRAMES,
        DiskLevel.NO_CAPTURE,
        DiskLevel.NO_CAPTURE,
    ]


def test_a_step_is_taken_back_only_with_a_tenth_more() -> None:
    assert levels(499, 549, 550, 1_099, 1_100, 2_199, 2_200) == [
        DiskLevel.NO_CAPTURE,
        DiskLevel.NO_CAPTURE,
        DiskLevel.NO_RAW_FRAMES,
        DiskLevel.NO_RAW_FRAMES,
        DiskLevel.LOW,
        DiskLevel.LOW,
        DiskLevel.PLENTY,
    ]


def test_zero_switches_a_step_off() -> None:
    assert levels(0, limits=DiskLimits(warn=0, raw_frames=0, capture=0)) == [DiskLevel.PLENTY]
    assert levels(0, limits=DiskLimits(warn=5, raw_frames=0, capture=0)) == [DiskLevel.LOW]


@given(st.lists(FREE, min_size=1, max_size=20))
def test_the_level_never_promises_more_room_than_there_is(frees: list[int]) -> None:
    disk = Disk()
    gauge = DiskGauge(Path("data"), LIMITS, disk)
    for free in frees:
        disk.free = free
        fresh = DiskGauge(Path("data"), LIMITS, disk).look()
        assert gauge.look() >= fresh
        assert (gauge.complaint() is None) == (gauge.level is DiskLevel.PLENTY)


def test_a_complaint_says_how_much_is_missing_and_what_follows() -> None:
    disk = Disk()
    gauge = DiskGauge(Path("data"), LIMITS, disk)
    disk.free = 1_234 * MEGABYTE
    gauge.look()
    assert gauge.complaint() == (
        "disk: 1,234 MB free under data, below 2,000 MB: this is a warning until 2,200 MB are free"
    )
    disk.free = 0
    gauge.look()
    assert gauge.complaint() == "disk: 0 MB free under data, below 500 MB: capture is stopped until 550 MB are free"


def test_the_real_disk_is_measured_and_a_missing_folder_named(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0
    with pytest.raises(StorageError, match=r"cannot examine the disk of .*absent"):
        free_bytes(tmp_path / "absent")
