"""What the platform is made of: the settings that hold, and every package with its licence."""

from email.message import Message
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest

from arb_pipeline_tests.fixtures.api import make_api
from arb_pipeline_tests.fixtures.recorded import Stretch, capture
from streaming_worker.adapters.clock import AnchoredClock, HandClock
from streaming_worker.api.identity.roles import Role
from streaming_worker.api.reading.about import NOT_STATED, licence_of, packages
from streaming_worker.api.services import PRODUCT
from streaming_worker.core.units import NANOS_PER_SECOND


def test_every_package_that_is_needed_stands_there_with_its_licence() -> None:
    found = {package.name.lower(): package for package in packages(PRODUCT)}
    assert found["duckdb"].version == version("duckdb")
    assert found["starlette"].licence.startswith("BSD")
    assert found["fastapi"].licence.startswith("MIT")
    assert "pytest" not in found or found["pytest"].licence == "MIT"
    assert len([package for package in found.values() if package.licence == NOT_STATED]) < len(found) // 10


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        ([("License-Expression", "MIT"), ("Classifier", "License :: Other")], "MIT"),
        ([("Classifier", "License :: OSI Approved :: BSD License"), ("License", "x" * 500)], "BSD License"),
        ([("License", "Apache 2.0")], "Apache 2.0"),
        ([("License", "a whole\ntext")], NOT_STATED),
        ([], NOT_STATED),
    ],
)
def test_a_licence_is_what_the_package_says(headers: list[tuple[str, str]], licence: str) -> None:
    about = Message()
    for name, value in headers:
        about.add_header(name, value)
    assert licence_of(about) == licence  # type: ignore[arg-type]  # metadata is such a message


async def test_the_settings_of_the_run_have_a_hash_once_they_are_read(tmp_path: Path) -> None:
    # a file is opened at the time that it really is
    now_ns = AnchoredClock().now_ns()
    capture(tmp_path / "data", Stretch(start_ns=now_ns - 60 * NANOS_PER_SECOND, seconds=5))
    api = make_api(tmp_path / "data", clock=HandClock(now_ns + 60 * NANOS_PER_SECOND))

    async def answered() -> str | None:
        async with api.client(token=api.token(Role.VIEWER)) as client:
            about = (await client.get("/api/v1/about")).raise_for_status().json()
        assert len(about["packages"]) == len(packages(PRODUCT))
        return about["settings_hash"]

    try:
        assert await answered() is None
        api.services.view.run_id = "run-1"
        assert await answered() == sha256(b"{}").hexdigest()
    finally:
        api.close()
