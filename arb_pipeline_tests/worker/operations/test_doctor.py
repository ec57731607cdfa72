"""Each examination says what it saw; the verdict is the worst of them; no URL is ever shown."""

import socket
from collections import namedtuple
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from streaming_worker.config import Config
from streaming_worker.operations import doctor
from streaming_worker.operations.doctor import Finding, Verdict, endpoint, examine, verdict_of

Usage = namedtuple("Usage", "total used free")


def test_a_fresh_machine_is_ready_for_the_demo(config_of: Callable[..., Config]) -> None:
    findings = examine(config_of(), {"ARB_PROFILE": "demo", "HOME": "/"})
    assert [f for f in findings if f.verdict is Verdict.FAILED] == []
    subjects = [finding.subject for finding in findings]
    assert subjects == [
        "configuration",
        "python",
        "packages",
        "programs",
        "disk",
        "data folder",
        "clock",
        "alerts",
        "ports",
        "endpoints",
    ]


def test_a_variable_that_means_nothing_is_pointed_out(config_of: Callable[..., Config]) -> None:
    findings = examine(
        config_of(), {"ARB_DATADIR": "/x", "ARB_PIPELINE_START": "2026-01-01", "ARB_SMTP_PASSWORD_FILE": "p"}
    )
    assert [f.detail for f in findings if f.subject == "environment"] == [
        "ARB_DATADIR is set but means nothing here; see docs/CONFIGURATION.md"
    ]


def test_taken_ports_fail_with_their_holder(config_of: Callable[..., Config]) -> None:
    config = config_of()
    with socket.create_server(("127.0.0.1", config.dagster.port)):
        findings = examine(config, {})
    (port,) = [finding for finding in findings if finding.subject == "ports"]
    assert port.verdict is Verdict.FAILED
    assert f"{config.dagster.port} (Dagster web interface) is in use by" in port.detail
    assert verdict_of(findings) is Verdict.FAILED


def test_a_running_platform_is_seen_and_its_endpoints_are_tried(config_of: Callable[..., Config], answers: Any) -> None:
    answers.bodies["/health"] = b'{"status": "ok", "is_ready": true}'
    config = config_of(ARB_PORT_GATEWAY=str(answers.port))
    findings = {finding.subject: finding for finding in examine(config, {})}
    assert findings["ports"].detail == "the platform is running on them"
    assert findings["coinbase frames"].verdict is Verdict.FAILED
    assert "cannot be reached: Connection refused" in findings["solana requests"].detail


@pytest.mark.parametrize(
    ("version", "verdict"), [((3, 10), "failed"), ((3, 11), "ok"), ((3, 13), "ok"), ((3, 14), "failed")]
)
def test_the_interpreter_must_be_in_range(version: tuple[int, int], verdict: str) -> None:
    assert doctor.python(version).verdict == verdict


def test_packages_are_compared_with_the_project_s_pins() -> None:
    assert doctor.packages().detail.split(" as pinned")[0].isdigit()


def test_a_wrong_or_missing_package_is_named_with_what_was_expected() -> None:
    def installed(name: str) -> str:
        if name == "polars":
            raise PackageNotFoundError(name)
        return "1.4.0" if name == "duckdb" else version(name)

    finding = doctor.packages(installed)
    assert finding.verdict is Verdict.FAILED
    assert finding.detail == "duckdb is 1.4.0, expected ==1.5.5; polars is missing (run `make install`)"


def test_missing_programs_are_named(tmp_path: Path) -> None:
    (tmp_path / "dbt").touch()
    finding = doctor.commands(tmp_path)
    assert finding.verdict is Verdict.FAILED
    assert "dagster, dagster-webserver, dagster-daemon (run" in finding.detail


@pytest.mark.parametrize(("free_gib", "verdict"), [(0, "failed"), (2, "warning"), (50, "ok")])
def test_disk_space_is_judged(tmp_path: Path, free_gib: int, verdict: str) -> None:
    finding = doctor.disk(tmp_path / "not" / "yet", usage=lambda _: Usage(0, 0, free_gib * doctor.GIB))
    assert finding.verdict == verdict


def test_a_data_folder_must_be_writable_and_not_by_everyone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert doctor.data_folder(folder).detail == f"{folder} will be made"
    folder.mkdir(mode=0o755)
    assert doctor.data_folder(folder).verdict is Verdict.OK
    folder.chmod(0o777)
    assert doctor.data_folder(folder).detail.endswith(f"(chmod o-w {folder})")
    file = tmp_path / "file"
    file.touch()
    assert doctor.data_folder(file).verdict is Verdict.FAILED


def test_a_url_s_secret_is_never_shown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = endpoint("solana requests", f"http://127.0.0.1:{port}/?api-key=hunter2")
    assert found.verdict is Verdict.OK
    assert "hunter2" not in found.detail
    lost = endpoint("solana requests", "https://nowhere.invalid/?api-key=hunter2")
    assert lost.verdict is Verdict.FAILED
    assert lost.detail.startswith("nowhere.invalid:443 cannot be reached: ")
    assert "hunter2" not in lost.detail


def test_the_verdict_is_the_worst_finding() -> None:
    findings = [Finding("a", verdict, "") for verdict in (Verdict.OK, Verdict.WARNING)]
    assert verdict_of(findings) is Verdict.WARNING
    assert verdict_of([*findings, Finding("b", Verdict.FAILED, "")]) is Verdict.FAILED
    assert verdict_of([]) is Verdict.OK
