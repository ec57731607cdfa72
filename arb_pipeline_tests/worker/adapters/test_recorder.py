"""Recorded frames come back byte for byte with exact times, and damage is named."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_worker.adapters.recorder import (
    LineKind,
    RecordedLine,
    Recording,
    UnknownFile,
    open_recording,
    seconds_to_ns,
)
from streaming_worker.errors import FeedFormatError, StorageError

HEADER = b'{"t":"header","format":2,"exchange":"COINBASE","recorded":1786309548.026294}\n'
CONNECT = b'{"t":"connect","conn":"ws.2","ts":1786309548.031329,"addr":"wss://venue.example"}\n'
SEND = b'{"t":"send","conn":"ws.2","ts":1786309548.1743748,"addr":"wss://venue.example","data":"{\\"a\\":1}"}\n'
RECV = b'{"conn":"ws.2","ts":1786309548.6290078,"t":"recv","data":"{\\"price\\":\\"83364.90000\\"}"}\n'
HTTP = b'{"t":"http","conn":"http.1","ts":1786309549,"url":"https://venue.example/products","data":"[]"}\n'


def _recording(path: Path, content: bytes) -> Recording:
    path.write_bytes(content)
    recording = open_recording(path)
    assert isinstance(recording, Recording)
    return recording


def test_every_line_comes_back_with_its_exact_time(tmp_path: Path) -> None:
    recording = _recording(tmp_path / "a.jsonl", HEADER + CONNECT + SEND + RECV + HTTP)
    assert (recording.exchange, recording.has_wall_clock) == ("COINBASE", True)
    url = "wss://venue.example"
    assert list(recording.lines()) == [
        RecordedLine(received_ns=1_786_309_548_031_329_000, connection="ws.2", kind=LineKind.CONNECT, url=url),
        RecordedLine(
            received_ns=1_786_309_548_174_374_800, connection="ws.2", kind=LineKind.SEND, data=b'{"a":1}', url=url
        ),
        RecordedLine(
            received_ns=1_786_309_548_629_007_800,
            connection="ws.2",
            kind=LineKind.RECV,
            data=b'{"price":"83364.90000"}',
        ),
        RecordedLine(
            received_ns=1_786_309_549_000_000_000,
            connection="http.1",
            kind=LineKind.HTTP,
            data=b"[]",
            url="https://venue.example/products",
        ),
    ]


def test_a_compressed_recording_reads_alike(tmp_path: Path) -> None:
    plain = _recording(tmp_path / "a.jsonl", HEADER + RECV)
    packed = _recording(tmp_path / "a.jsonl.gz", gzip.compress(HEADER + RECV))
    assert list(packed.lines()) == list(plain.lines())


def test_a_table_has_one_connection_and_a_steady_clock(tmp_path: Path) -> None:
    recording = _recording(tmp_path / "a.tsv", b'374718706551734\t{"e":"x\\t"}\n374718706551735\t{}\r\n')
    assert (recording.exchange, recording.has_wall_clock) == (None, False)
    assert [(line.received_ns, line.data) for line in recording.lines()] == [
        (374_718_706_551_734, b'{"e":"x\\t"}'),
        (374_718_706_551_735, b"{}"),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", HEADER),
        ("a.jsonl", b""),
        ("a.jsonl", RECV),
        ("a.jsonl", b'{"t":"header"}\n'),
        ("a.jsonl", b"[1]\n"),
        ("a.jsonl.gz", HEADER),
        ("a.tsv", b"timestamp\tframe\n"),
        ("a.tsv", b"12\n"),
    ],
)
def test_anything_else_is_no_recording_and_says_why(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    outcome = open_recording(tmp_path / name)
    assert isinstance(outcome, UnknownFile)
    assert outcome.reason.startswith("not a recording")


@pytest.mark.parametrize(
    "line",
    [b"{\n", b"\xff\n", b'{"t":"recv","ts":"soon"}\n', b'{"t":"recv","ts":-1}\n', b'{"t":"recv","ts":1e9}\n',
     b'{"t":"surprise","ts":1}\n'],
)  # fmt: skip
def test_a_damaged_line_is_named_after_what_was_read(tmp_path: Path, line: bytes) -> None:
    recording = _recording(tmp_path / "a.jsonl", HEADER + RECV + line + RECV)
    lines = recording.lines()
    assert next(lines).kind is LineKind.RECV
    with pytest.raises(StorageError, match="line 3") as caught:
        next(lines)
    assert caught.value.path == str(tmp_path / "a.jsonl")


def test_a_truncated_file_is_damage_too(tmp_path: Path) -> None:
    content = gzip.compress(HEADER + RECV * 50)
    recording = _recording(tmp_path / "a.jsonl.gz", content[: len(content) - 12])
    with pytest.raises(StorageError, match="damaged"):
        list(recording.lines())


@given(st.integers(0, 10**19))
def test_decimal_seconds_are_exact(nanoseconds: int) -> None:
    whole, fraction = divmod(nanoseconds, 10**9)
    text = f"{whole}.{fraction:09d}"
    assert seconds_to_ns(text) == nanoseconds
    assert seconds_to_ns(text.rstrip("0") if fraction else str(whole)) == nanoseconds


@pytest.mark.parametrize("text", ["", ".", "-1", "1e9", "1.0000000001", "9" * 21, "1,5"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(FeedFormatError):
        seconds_to_ns(text)
