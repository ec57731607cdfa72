"""The container file copies what there is, runs as nobody, and starts a command that there is."""

import json
import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from packaging.specifiers import SpecifierSet

from arb_pipeline_tests.fixtures.api import make_api
from streaming_worker.cli import arb
from streaming_worker.config import load_config


@pytest.fixture
def instructions(repository: Path) -> list[tuple[str, str]]:
    """The file's instructions with their arguments."""
    text = (repository / "deploy/container/Containerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def of(instructions: list[tuple[str, str]], name: str) -> list[str]:
    return [rest for found, rest in instructions if found == name]


def test_what_it_copies_is_there(repository: Path, instructions: list[tuple[str, str]]) -> None:
    copied = [rest.split()[:-1] for rest in of(instructions, "COPY") if not rest.startswith("--from")]
    paths = [path for group in copied for path in group]
    assert {"uv.lock", "streaming_worker", "arb_pipeline", "dbt"} <= set(paths)
    assert [path for path in paths if not (repository / path).exists()] == []


def test_its_python_is_pinned_to_one_that_the_project_supports(
    repository: Path, instructions: list[tuple[str, str]]
) -> None:
    wanted = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    versions = [found for image in of(instructions, "FROM") for found in re.findall(r"python:(\d+\.\d+)-", image)]
    assert len(versions) == 2
    assert all(f"{version}.0" in SpecifierSet(wanted) for version in versions)
    assert all(re.search(r":\d", image) for image in of(instructions, "FROM")), "no image without a version"


def test_it_starts_a_command_as_nobody(instructions: list[tuple[str, str]]) -> None:
    assert json.loads(of(instructions, "ENTRYPOINT")[-1]) == ["arb"]
    words = json.loads(of(instructions, "CMD")[-1])
    options = {option for parameter in arb.commands[words[0]].params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options
    assert int(of(instructions, "USER")[-1]) > 0


def test_its_health_check_asks_a_route_and_the_api_stays_on_loopback(
    tmp_path: Path, instructions: list[tuple[str, str]]
) -> None:
    (check,) = re.findall(r"http://[^']+", of(instructions, "HEALTHCHECK")[0])
    config = load_config(None, {"ARB_PROFILE": "live", "ARB_DATA_DIR": str(tmp_path)})
    assert (urlsplit(check).hostname, urlsplit(check).port) == (config.api.host, config.api.port)
    api = make_api(tmp_path / "api")
    try:
        assert urlsplit(check).path in {getattr(route, "path", None) for route in api.app.routes}
    finally:
        api.close()
    assert not [value for value in of(instructions, "ENV") if "ARB_API_HOST" in value]
