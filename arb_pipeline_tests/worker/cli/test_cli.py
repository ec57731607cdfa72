"""Each kind of end has its exit code and one line on stderr; help costs no heavy import."""

import gzip
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from arb_pipeline_tests.fixtures.free_ports import free_base
from streaming_worker.cli import run
from streaming_worker.cli.exit_codes import ExitCode
from streaming_worker.cli.prove import flat_lines, replay_lines, vector_lines
from streaming_worker.cli.with_config import environment_of

HEAVY = ("dagster", "duckdb", "polars", "pyarrow", "websockets", "httpx", "solders", "uvicorn", "pandas", "rich")


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from streaming_worker.cli import run; run(['--help']); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_the_version_is_the_distribution_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == ExitCode.OK
    assert capsys.readouterr().out.startswith("arb, version ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fly"], "No such command 'fly'"),
        (["up", "--profile", "paper"], "'paper' is not one of 'demo', 'live'"),
        (["up", "--port-base", "80"], "80 is not in the range"),
        (["venues", "--speed", "0"], "expected a whole number above 0, or max"),
        (["venues", "--speed", "fast"], "expected a whole number above 0, or max"),
        (["doctor", "--config", "/nonexistent.toml"], "error: /nonexistent.toml: cannot be read"),
        (["replay", "/nonexistent"], "error: no such file or folder: /nonexistent"),
        (["vectors", "/nonexistent"], "error: expected a folder of vectors, found none at /nonexistent"),
        (["bench", "engine", "--input", "x"], "error: this part makes its own input; leave --input out"),
        (["bench", "sink", "--input", "x"], "error: this part makes its own input; leave --input out"),
        (["bench", "engine", "--minutes", "1"], "error: only the sink is timed for minutes; leave --minutes out"),
    ],
)
def test_wrong_use_and_configuration_end_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == ExitCode.CONFIGURATION
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_bench_that_needs_input_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARB_SHARED_DIR", str(tmp_path))
    assert run(["bench", "decode"]) == ExitCode.CONFIGURATION
    assert "expected --input, or ARB_SHARED_DIR naming a folder with captures/coinbase/" in capsys.readouterr().err


def test_a_taken_port_ends_with_3_and_the_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = free_base()
    port = base + 1
    with socket.create_server(("127.0.0.1", port)):
        code = run(["up", "--data-dir", str(tmp_path), "--port-base", str(base)])
    assert code == ExitCode.ENVIRONMENT
    error = capsys.readouterr().err
    assert f"error: port {port} (Dagster web interface) is in use by" in error
    assert error.rstrip().endswith("(stop it, or set ARB_PORT_DAGSTER or --port-base to free ports)")


def test_the_doctor_of_a_fresh_folder_is_content(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = str(free_base())
    assert run(["doctor", "--data-dir", str(tmp_path), "--port-base", base, "--json"]) == ExitCode.OK
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "ok", report
    assert run(["doctor", "--data-dir", str(tmp_path), "--port-base", base]) == ExitCode.OK
    assert capsys.readouterr().out.splitlines()[-1] == "verdict: ready"


def test_warnings_of_the_settings_go_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "own.toml"
    file.write_text("fees = []\n", encoding="utf-8")
    run(["doctor", "--config", str(file), "--data-dir", str(tmp_path), "--port-base", "41000", "--json"])
    captured = capsys.readouterr()
    assert captured.err.count("warning: fees: no taker fee is set for ") == 2
    json.loads(captured.out)


def test_options_become_variables_for_the_programs_that_are_started(tmp_path: Path) -> None:
    environ = environment_of(file=Path("own.toml"), profile="live", data_dir=tmp_path, port_base=20_000)
    assert environ["ARB_CONFIG"] == str(Path("own.toml").absolute())
    assert (environ["ARB_PROFILE"], environ["ARB_DATA_DIR"]) == ("live", str(tmp_path))
    assert (environ["ARB_PORT_GATEWAY"], environ["ARB_PORT_VENUES"]) == ("20000", "20010")


def test_replay_prints_one_object_or_a_line_for_each_book(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("no recording", encoding="utf-8")
    assert run(["replay", str(tmp_path), "--json"]) == ExitCode.FINDING
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"captures", "overall", "skipped"}
    assert list(report["skipped"]) == ["notes.txt"]


def test_a_replay_for_a_person_names_every_book() -> None:
    book = {"state": "synced", "bids": 3, "asks": 0, "best_bid": ["77.40", "5"], "best_ask": None}
    capture = {"venue": "gemini", "frames": 9, "gaps": 1, "dead_letters": 2, "instruments": {"SOLUSD": book}}
    report = {"captures": {"a.gz": capture}, "skipped": {"b": "why"}, "overall": {"digest": "00ff"}}
    assert replay_lines(report) == [
        "a.gz: gemini, 9 frames, 1 gaps, 2 dead letters",
        "  SOLUSD: synced, 3 bids, 0 asks, best bid 77.40 x 5, best ask none",
        "skipped b: why",
        "digest: 00ff",
    ]


def test_vectors_that_are_none_are_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with gzip.open(tmp_path / "rows.jsonl.gz", "wb") as file:
        file.write(b'{"unheard": "of"}\n')
    assert run(["vectors", str(tmp_path)]) == ExitCode.FINDING
    assert "rows.jsonl.gz: not vectors: its first row is of no known format" in capsys.readouterr().out
    run(["vectors", str(tmp_path), "--json"])
    assert json.loads(capsys.readouterr().out)["files"] == {}


def test_mismatches_are_shown_under_their_file() -> None:
    file = {"rows": 2, "matched": 1, "mismatched": 1, "first_mismatches": [{"row": 2, "differences": {"a": [1, 2]}}]}
    lines = vector_lines({"files": {"f": file}, "unknown": {}, "matched": 1, "mismatched": 1})
    assert lines == [
        "f: 2 rows, 1 matched, 1 mismatched",
        '  row 2: {"a": [1, 2]}',
        "matched 1, mismatched 1",
    ]


def test_a_bench_reports_the_work_it_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "end-to-end", "--json"]) == ExitCode.OK
    report = json.loads(capsys.readouterr().out)
    assert report["frames"] > 1_000
    assert report["rows"] > report["events"]
    assert len(report["digest"]) == 64
    paced = report["paced"]
    assert (paced["frames"], paced["rows"] > paced["events"] > paced["frames"] / 2) == (8_000, True)
    assert paced["frame_to_decision_p50_us"] <= paced["frame_to_decision_p99_us"]


def test_a_report_is_flattened_for_a_person() -> None:
    assert list(flat_lines({"a": [{"b": 1}, 2], "c": "d"})) == ["a[0].b: 1", "a[1]: 2", "c: d"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_venues_cleanly(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "streaming_worker", "venues", "--port-base", str(free_base())],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert "127.0.0.1" in process.stdout.readline()
        process.send_signal(number)
        assert process.wait(60) == ExitCode.OK
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
