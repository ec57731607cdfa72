"""systemd takes the units, and they start what there is with settings that it understands."""

import configparser
import shutil
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from arb_pipeline_tests.deploy.test_alerts import checked
from streaming_worker.cli import arb

UNITS = ("arb-worker.service", "arb-api.service", "arb-up.service")


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_unit(repository: Path, program: Callable[[str], str], tmp_path: Path, name: str) -> None:
    """The program and the user are not there on a machine that only tests: the unit is checked with what is."""
    text = (repository / "deploy/systemd" / name).read_text(encoding="utf-8")
    for other in UNITS:
        shutil.copy(repository / "deploy/systemd" / other, tmp_path / other)
    unit = tmp_path / name
    unit.write_text(text.replace("/opt/arb-platform/.venv/bin/arb", "/bin/true").replace("=arb\n", "=root\n"))
    said = checked(program("systemd-analyze"), "verify", "--man=no", unit)
    assert [line for line in said.splitlines() if name in line] == []


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_a_command_that_there_is(repository: Path, name: str) -> None:
    parsed = configparser.RawConfigParser(strict=False, comment_prefixes="#")
    parsed.read(repository / "deploy/systemd" / name)
    words = parsed["Service"]["ExecStart"].split()
    assert Path(words[0]).name == "arb"
    command = arb.commands[words[1]]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words[2:] if word.startswith("--")} <= known
    assert isinstance(command, click.Command)
    assert parsed["Service"]["UMask"] == "0077"
