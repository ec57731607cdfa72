"""Every command is documented and explains itself; every command that the documents show can be run."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from streaming_worker.cli import arb
from streaming_worker.cli.exit_codes import ExitCode

DOCUMENTS = ("README.md", "RUNBOOK.md")
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
# what is cheap and the same everywhere is run; of the rest, the command and its options must exist
RUN = ("arb --help", "make help")
REPOSITORY = Path(__file__).resolve().parents[2]


def documented() -> list[str]:
    """Return every command line of the documents, without its prompt."""
    lines = []
    for name in DOCUMENTS:
        for block in CONSOLE.findall((REPOSITORY / name).read_text(encoding="utf-8")):
            lines += [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    return sorted(set(lines))


def explained() -> dict[str, click.Command]:
    """Return every command by the words that lead to it."""
    found: dict[str, click.Command] = {}
    for name, command in arb.commands.items():
        found[name] = command
        if isinstance(command, click.Group):
            found.update({f"{name} {inner}": found_inside for inner, found_inside in command.commands.items()})
    return found


@pytest.mark.parametrize("name", sorted(explained()))
def test_every_command_explains_itself(name: str) -> None:
    command = explained()[name]
    help_text = command.get_help(click.Context(command, info_name=f"arb {name}", terminal_width=200))
    assert "Example" in help_text
    for code in ExitCode:
        assert re.search(rf"^ +{code.value}\b", help_text, re.MULTILINE), f"exit code {code.value}"
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name != "help":
            assert parameter.help or parameter.show_default, f"{parameter.name} of {name}"


@pytest.mark.parametrize("name", sorted(arb.commands))
def test_every_command_stands_in_the_readme(name: str) -> None:
    assert f"| `arb {name}` |" in (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_readme_promises_no_command_that_is_not_there() -> None:
    promised = re.findall(r"\| `arb ([a-z-]+)` \|", (REPOSITORY / "README.md").read_text(encoding="utf-8"))
    assert sorted(promised) == sorted(arb.commands)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_both_documents_list_the_exit_codes(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    assert all(re.search(rf"\b{code.value}\b", text) for code in ExitCode)


@pytest.mark.parametrize("line", documented())
def test_every_documented_command_exists(line: str) -> None:
    words = [word for word in shlex.split(line) if not re.fullmatch(r"[A-Z_]+=.*", word)]
    match words:
        case ["make", *targets]:
            assert set(targets) <= set(make_targets())
        case ["arb", "--help"]:
            pass
        case ["arb", group, name, *arguments] if f"{group} {name}" in explained():
            assert_fits(f"{group} {name}", arguments)
        case ["arb", name, *arguments]:
            assert_fits(name, arguments)
        case [program, *_]:
            assert program in {"cp", "chmod", "curl", "kill", "tail", "supervisorctl", "python", "ls", "amtool"}


def assert_fits(name: str, arguments: list[str]) -> None:
    command = explained()[name]
    command.make_context(f"arb {name}", list(arguments), resilient_parsing=True)
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("--")} <= known


def make_targets() -> list[str]:
    """Return the targets that the Makefile documents."""
    return re.findall(r"^([a-z-]+):.*## ", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("line", RUN)
def test_cheap_commands_run_as_documented(line: str) -> None:
    assert line in documented()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        shlex.split(line), cwd=REPOSITORY, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout
