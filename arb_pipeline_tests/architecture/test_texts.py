"""What stands in the project's files, and what must never stand there."""

import re
import subprocess
from pathlib import Path

import pytest

UNFINISHED = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error", "pragma: no " + "cover"]))
# this machine's folders and the hosts that packages come from: true here, false elsewhere
LOCAL = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|farm)/|\bpypi\.org\b|\bpythonhosted\b|\bnpmjs\b")
TEXT_SUFFIXES = {".py", ".md", ".toml", ".yml", ".yaml", ".sql", ".svg", ".template", ".html", ".txt", ".csv", ""}
PRIVATE = (".env", ".env.live", "wallet.pem", "node.key", "my_secret.txt", "data/state/app.db", "smtp-credential.json")


def _texts(files: tuple[Path, ...]) -> list[Path]:
    return [path for path in files if path.suffix in TEXT_SUFFIXES and path.name != "uv.lock"]


def test_nothing_is_left_unfinished(project_files: tuple[Path, ...]) -> None:
    found = {
        str(path): match.group()
        for path in _texts(project_files)
        if (match := UNFINISHED.search(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_no_text_names_one_machine(project_files: tuple[Path, ...]) -> None:
    found = {
        str(path): match.group()
        for path in _texts(project_files)
        if path != Path(__file__) and (match := LOCAL.search(path.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize("name", PRIVATE)
def test_private_files_cannot_be_committed(repository: Path, name: str) -> None:
    assert subprocess.run(["git", "check-ignore", "-q", name], cwd=repository, check=False).returncode == 0


@pytest.mark.parametrize(
    "name", [".env.template", "uv.lock", "dbt/dbt_project.yml", "streaming_worker/profiles/live.toml"]
)
def test_what_a_clone_needs_is_not_ignored(repository: Path, name: str) -> None:
    assert subprocess.run(["git", "check-ignore", "-q", name], cwd=repository, check=False).returncode == 1


def test_no_source_file_is_ignored_by_accident(repository: Path) -> None:
    listed = subprocess.run(
        [
            "git",
            "ls-files",
            "--others",
            "--ignored",
            "--exclude-standard",
            "--",
            "streaming_worker",
            "arb_pipeline*",
            "dbt",
            ":!streaming_worker/console/node_modules",
            ":!streaming_worker/console/dist",
            ":!streaming_worker/console/src/api/schema.d.ts",
        ],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    ignored = [line for line in listed.stdout.splitlines() if line.endswith((".py", ".sql", ".toml", ".yml"))]
    assert [line for line in ignored if not line.startswith(("dbt/target/", "dbt/logs/"))] == []
