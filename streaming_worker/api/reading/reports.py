"""The daily reports on disk, with the figures of their day from the published file."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from streaming_worker.api.record_desk import RecordDesk, Row
from streaming_worker.api.schemas.base import exact
from streaming_worker.api.schemas.system import ReportComparison, ReportDetail, ReportDifference, ReportFile, ReportLine
from streaming_worker.errors import RequestRefused

MEDIA: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".png": "image/png",
    ".json": "application/json",
    ".pdf": "application/pdf",
}
_DELIVERIES: Final = "deliveries.jsonl"


def days(folder: Path) -> list[str]:
    """Return the days that have a report, newest first. Blocks."""
    if not folder.is_dir():
        return []
    return sorted((path.name for path in folder.iterdir() if path.is_dir() and _is_day(path.name)), reverse=True)


def line(folder: Path, day: str, figures: Row | None) -> ReportLine:
    """Return one report with its headline. Blocks."""
    found = figures or {}
    deliveries = _deliveries(folder / day)
    return ReportLine(
        date=day,
        edition=deliveries[-1].get("edition") if deliveries else None,
        data_verdict=found.get("data_verdict"),
        opportunities=found.get("opportunities"),
        trades=found.get("trades"),
        realised_net_usd=_exact(found.get("realised_net_usd")),
        completeness_percent=_exact(found.get("completeness_pct")),
        is_reconciled=found.get("is_reconciled"),
        sent_to=len({one.get("recipient") for one in deliveries}),
        files=_files(folder / day, day),
    )


async def figures_of(desk: RecordDesk) -> dict[str, Row]:
    """Return the figures of every published day."""
    rows = await desk.published("SELECT * FROM published.rpt_daily ORDER BY report_date")
    return {str(row["report_date"]): row for row in rows or []}


def detail(folder: Path, day: str, figures: Row | None) -> ReportDetail:
    """Return one report with every figure. Blocks."""
    shown = {name: _text(value) for name, value in (figures or {}).items()}
    return ReportDetail(report=line(folder, day, figures), figures=shown)


def comparison(first: str, second: str, figures: Mapping[str, Row]) -> ReportComparison:
    """Return two days side by side."""
    one, other = figures.get(first, {}), figures.get(second, {})
    names = [name for name in {**one, **other} if name != "report_date"]
    return ReportComparison(
        first=first,
        second=second,
        figures=[
            ReportDifference(
                name=name,
                first=_text(one.get(name)),
                second=_text(other.get(name)),
                difference=_difference(one.get(name), other.get(name)),
            )
            for name in names
        ],
    )


def file_of(folder: Path, day: str, name: str) -> tuple[Path, str]:
    """Return a file of a report and what it is; names come from the folder only. Raises RequestRefused."""
    wanted = [path for path in _listed(folder / day) if path.name == name] if day in days(folder) else []
    if not wanted:
        raise RequestRefused(404, "not_found", "there is no such report or file")
    return wanted[0], MEDIA[wanted[0].suffix]


def _files(folder: Path, day: str) -> list[ReportFile]:
    return [
        ReportFile(
            name=path.name,
            size_bytes=path.stat().st_size,
            media_type=MEDIA[path.suffix],
            url=f"/api/v1/reports/{day}/files/{path.name}",
        )
        for path in _listed(folder)
    ]


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and path.suffix in MEDIA)


def _deliveries(folder: Path) -> list[dict[str, Any]]:
    path = folder / _DELIVERIES
    if not path.exists():
        return []
    return [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines() if text.strip()]


def _is_day(name: str) -> bool:
    return len(name) == 10 and name.replace("-", "").isdigit() and name[4] == name[7] == "-"


def _exact(value: object) -> str | None:
    return exact(value) if isinstance(value, Decimal | int) else None


def _text(value: object) -> str | None:
    if value is None:
        return None
    return exact(value) if isinstance(value, Decimal) else str(value)


def _difference(first: object, second: object) -> str | None:
    kinds = (Decimal, int)
    if isinstance(first, bool) or isinstance(second, bool):
        return None
    if isinstance(first, kinds) and isinstance(second, kinds):
        return exact(Decimal(second) - Decimal(first))
    return None
