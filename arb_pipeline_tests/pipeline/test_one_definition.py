"""One definition of every figure: what the report says is what SQL over the published file and the API say."""

import asyncio
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from arb_pipeline_tests.fixtures.api import make_api
from arb_pipeline_tests.fixtures.platform import DAY, Evening
from streaming_worker.api.identity.roles import Role

# Of a day these are shares over the period, which for one day are the day's own.
NOT_OF_A_DAY = {"days_covered"}
_NUMBER = re.compile(r"-?\d+(\.\d+)?(E-\d+)?")


def exact(value: object) -> object:
    """Return numbers as exact decimals, whatever wrote them."""
    if isinstance(value, bool) or value is None:
        return value
    text = str(value)
    return Decimal(text) if _NUMBER.fullmatch(text) else text


def asked(evening: Evening, state: Path, path: str) -> dict[str, Any]:
    """Return an answer of the API over the evening."""

    async def answer() -> dict[str, Any]:
        api = make_api(evening.platform.settings.data_dir, state_dir=state)
        try:
            async with api.client(token=api.token(Role.VIEWER)) as client:
                return dict((await client.get(f"/api/v1{path}")).raise_for_status().json())
        finally:
            api.close()

    return asyncio.run(answer())


def test_the_report_the_published_file_and_the_api_say_the_same_of_every_figure(
    evening: Evening, tmp_path: Path
) -> None:
    folder = evening.platform.settings.reports / DAY
    reported = json.loads((folder / "report.json").read_text(encoding="utf-8"))["summary"]
    with duckdb.connect(str(evening.platform.settings.published), read_only=True) as connection:
        cursor = connection.execute("FROM rpt_daily WHERE report_date = CAST(? AS DATE)", [DAY])
        names = [column[0] for column in cursor.description or ()]
        published = dict(zip(names, cursor.fetchall()[0], strict=True))
    answer = asked(evening, tmp_path, f"/reports/{DAY}")
    figures = {name: exact(value) for name, value in answer["figures"].items()}
    compared = set(reported) - NOT_OF_A_DAY
    assert len(compared) > 40
    assert {name: exact(reported[name]) for name in compared} == {name: exact(published[name]) for name in compared}
    flags = {name for name in compared if isinstance(published[name], bool)}
    assert {name: figures[name] for name in compared - flags} == {
        name: exact(published[name]) for name in compared - flags
    }
    assert exact(answer["report"]["realised_net_usd"]) == exact(reported["realised_net_usd"])
    assert answer["report"]["trades"] == reported["trades"] > 0
    assert answer["report"]["data_verdict"] == reported["data_verdict"]
