"""The whole API as it describes itself, asked by a machine as each role: no error of ours, no answer off its shape."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi import checks as shapes

from arb_pipeline_tests.fixtures.api import Api, make_api, served
from streaming_worker.adapters.clock import HandClock
from streaming_worker.api.identity.roles import Role

NOW_NS = 1_790_100_000 * 10**9
SHAPES = [shapes.response_schema_conformance, shapes.content_type_conformance, shapes.status_code_conformance]
load_all_checks()


def ask(operation: Any, address: str, headers: dict[str, str], examples: int) -> None:
    """Send requests that fit an operation, and requests that nearly do."""

    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        answer = case.call(base_url=address, headers=headers)
        where = f"{case.method} {case.formatted_path}: {answer.status_code} {answer.content[:300]!r}"
        # The worker is absent, and an answer may say so; anything else of 500 and above is a defect.
        is_absent = answer.status_code == 503 and answer.json()["error"]["code"] == "worker_down"
        assert answer.status_code < 500 or is_absent, where
        if answer.status_code >= 400:
            assert set(answer.json()["error"]) >= {"code", "message", "request_id"}, where
        case.validate_response(answer, checks=SHAPES)

    send()


def ask_all(api: Api, port: int, role: Role, examples: int) -> int:
    """Ask every operation as a role, and return how many there are. A logout must not end it all: a token each."""
    schema = schemathesis.openapi.from_dict(api.app.openapi())
    count = 0
    for found in schema.get_all_operations():
        headers = {"authorization": f"Bearer {api.token(role)}"}
        ask(found.ok(), f"http://127.0.0.1:{port}", headers, examples)
        count += 1
    return count


async def asked(folder: Path, record_dir: Path, role: Role, examples: int) -> int:
    api = make_api(record_dir, state_dir=folder, clock=HandClock(NOW_NS))
    async with served(api.app) as port:
        return await asyncio.to_thread(ask_all, api, port, role, examples)


@pytest.mark.parametrize("role", list(Role))
async def test_every_operation_keeps_to_its_description(tmp_path: Path, record_dir: Path, role: Role) -> None:
    assert await asked(tmp_path, record_dir, role, examples=1) > 55


@pytest.mark.slow
@pytest.mark.parametrize("role", list(Role))
async def test_every_operation_keeps_to_its_description_whatever_comes(
    tmp_path: Path, record_dir: Path, role: Role
) -> None:
    assert await asked(tmp_path, record_dir, role, examples=40) > 55
