"""Recordings are read as they are: every frame, byte for byte, with a clock that never steps back."""

import gzip
import json
from pathlib import Path

import pytest

from streaming_worker.errors import ConfigError
from streaming_worker.sandbox.captures import load_captures

MILLISECOND = 1_000_000


def write(path: Path, *lines: object) -> Path:
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    return path


HEADER = {"t": "header", "exchange": "COINBASE", "config": {}}


def test_frames_are_grouped_by_connection_and_bodies_by_target(tmp_path: Path) -> None:
    path = write(
        tmp_path / "one.jsonl.gz",
        HEADER,
        {"t": "http", "conn": "h", "ts": 1.0, "url": "https://api.example.com/book?limit=5", "data": "[]"},
        {"t": "connect", "conn": "a", "ts": 9.5, "addr": "wss://x"},
        {"t": "connect", "conn": "b", "ts": 9.6, "addr": "wss://x"},
        {"t": "send", "conn": "a", "ts": 9.7, "addr": "wss://x", "data": "{}"},
        {"t": "recv", "conn": "b", "ts": 10.0, "data": '{"é": 1}'},
        {"t": "recv", "conn": "a", "ts": 10.5, "data": "first"},
        {"t": "recv", "conn": "a", "ts": 10.75, "data": "second"},
        {"t": "recv", "conn": "a", "ts": 10.25, "data": "the clock stepped back"},
        {"t": "recv", "conn": "a", "ts": 11.0, "data": "last"},
    )
    capture = load_captures([path])["coinbase"]
    assert capture.bodies == {"/book?limit=5": b"[]"}
    first, second = capture.recordings
    assert (first.name, second.name) == ("one.jsonl.gz:a", "one.jsonl.gz:b")
    assert [data for _, data in first.frames] == [b"first", b"second", b"the clock stepped back", b"last"]
    assert [at_ns // MILLISECOND for at_ns, _ in first.frames] == [0, 250, 250, 500]
    assert second.frames == [(0, '{"é": 1}'.encode())]


def test_an_excerpt_of_two_columns_is_gemini(tmp_path: Path) -> None:
    path = tmp_path / "excerpt.tsv"
    path.write_bytes(b'500\t{"e":"depthUpdate"}\n1500\t{"id":"md","status":200}\n')
    recording = load_captures([path])["gemini"].recordings[0]
    assert recording.frames == [(0, b'{"e":"depthUpdate"}'), (1_000, b'{"id":"md","status":200}')]


def test_files_of_one_venue_are_joined(tmp_path: Path) -> None:
    lines = (HEADER, {"t": "connect", "conn": "a", "ts": 1.0}, {"t": "recv", "conn": "a", "ts": 1.0, "data": "x"})
    paths = [write(tmp_path / name, *lines) for name in ("one.jsonl.gz", "two.jsonl.gz")]
    assert len(load_captures(paths)["coinbase"].recordings) == 2


def _zipped(content: bytes) -> bytes:
    """Compress without the time of day, so that every test process collects the same names."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.jsonl.gz", _zipped(b"")),
        ("no_gzip.jsonl.gz", b"plain text"),
        ("cut.jsonl.gz", _zipped(json.dumps(HEADER).encode() * 500)[:40]),
        ("no_json.jsonl.gz", _zipped(b"{{{")),
        ("other.jsonl.gz", _zipped(b'{"t":"header","exchange":"MARS"}\n')),
        ("no_header.jsonl.gz", _zipped(b'{"t":"recv","conn":"a","ts":1.0,"data":"x"}\n')),
        ("empty.tsv", b""),
        ("words.tsv", b"not a number\tframe\n"),
    ],
)
def test_what_is_no_recording_is_refused_with_its_name(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=name):
        load_captures([path])


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone"):
        load_captures([tmp_path / "gone.tsv"])


def test_the_shared_recordings_are_read_whole(shared_dir: Path) -> None:
    folder = shared_dir / "captures"
    captures = load_captures(
        [
            folder / "coinbase/advanced_btc_eth_20260809.jsonl.gz",
            folder / "gemini/v2_l2_sol_btc_eth_20260809.jsonl.gz",
            folder / "gemini/newws_depth100ms_20260930_excerpt.tsv",
        ]
    )
    counts = {venue: [len(r.frames) for r in capture.recordings] for venue, capture in captures.items()}
    assert counts == {"coinbase": [613], "gemini_v2": [563], "gemini": [20]}
    assert max(len(data) for _, data in captures["coinbase"].recordings[0].frames) == 5_079_379
    assert len(captures["gemini_v2"].bodies) == 348
    assert "/v1/symbols/details/solusd" in captures["gemini_v2"].bodies
