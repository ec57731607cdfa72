"""Reports of days, weeks and other ranges stand in one list, each with its own figures."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arb_pipeline_tests.fixtures.api import Api, make_api
from streaming_worker.api.identity.roles import Role

WEEK = "2026-01-05_2026-01-11"
NAMES = ("2026-01-05", "2026-01-11", WEEK, "2026-01-04_2026-01-10", "2026-01-06_2026-01-11", "2025-12-31_2026-01-01")


@pytest.fixture
def reporting(tmp_path: Path) -> Iterator[Api]:
    """Return an application over some reports, and over folders that are none."""
    made = make_api(tmp_path / "data")
    folder = made.services.reports
    for name in (*NAMES, "2026-13-01", "2026-01-11_2026-01-05", "notes"):
        (folder / name).mkdir(parents=True)
    summary = {"trades": 7, "realised_net_usd": "12.50000000", "data_verdict": "complete", "is_reconciled": True}
    (folder / WEEK / "report.json").write_text(json.dumps({"summary": summary}), encoding="utf-8")
    (folder / "2026-01-04_2026-01-10" / "report.json").write_text("{", encoding="utf-8")
    (folder / WEEK / "report.txt").write_text("the week", encoding="utf-8")
    yield made
    made.close()


async def answer(api: Api, path: str) -> tuple[int, Any]:
    async with api.client(token=api.token(Role.VIEWER)) as client:
        got = await client.get(f"/api/v1{path}")
    return got.status_code, got.json() if "json" in got.headers["content-type"] else got.text


async def test_the_list_has_every_kind_the_one_that_ends_last_first(reporting: Api) -> None:
    _, page = await answer(reporting, "/reports")
    assert [(one["name"], one["kind"]) for one in page["items"]] == [
        (WEEK, "week"),
        ("2026-01-06_2026-01-11", "range"),
        ("2026-01-11", "day"),
        ("2026-01-04_2026-01-10", "range"),
        ("2026-01-05", "day"),
        ("2025-12-31_2026-01-01", "range"),
    ]
    week = page["items"][0]
    assert (week["date"], week["last_date"]) == ("2026-01-05", "2026-01-11")
    assert (week["trades"], week["realised_net_usd"], week["is_reconciled"]) == (7, "12.5", True)


async def test_a_week_says_its_own_figures_and_gives_its_files(reporting: Api) -> None:
    status, detail = await answer(reporting, f"/reports/{WEEK}")
    assert (status, detail["report"]["kind"], detail["figures"]["trades"]) == (200, "week", "7")
    (file,) = [one for one in detail["report"]["files"] if one["name"] == "report.txt"]
    async with reporting.client(token=reporting.token(Role.VIEWER)) as client:
        assert (await client.get(file["url"])).text == "the week"


async def test_figures_that_cannot_be_read_leave_the_report_in_the_list(reporting: Api) -> None:
    status, detail = await answer(reporting, "/reports/2026-01-04_2026-01-10")
    assert (status, detail["figures"], detail["report"]["trades"]) == (200, {}, None)


@pytest.mark.parametrize("name", ["2026-01-07", "2026-01-05_2026-01-12", "2026-13-01", "2026-01-11_2026-01-05"])
async def test_a_report_that_was_not_made_is_not_found(reporting: Api, name: str) -> None:
    assert (await answer(reporting, f"/reports/{name}"))[0] == 404
