"""The reports on disk: of days with the figures of the published file, of weeks and other ranges with their own.

A day's figures are read anew, so that late data shows; a range has no row in the published file, and what its report
says is what its folder says.
"""

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from streaming_worker.api.record_desk import RecordDesk, Row
from streaming_worker.api.schemas.base import exact
from streaming_worker.api.schemas.system import (
    ReportComparison,
    ReportDetail,
    ReportDifference,
    ReportFile,
    ReportKind,
    ReportLine,
)
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
_FIGURES: Final = "report.json"
_NAME: Final = re.compile(r"\d{4}-\d\d-\d\d(_\d{4}-\d\d-\d\d)?")
_DECIMAL: Final = re.compile(r"-?\d+(\.\d+)?")
_WEEK: Final = timedelta(days=6)


def names(folder: Path) -> list[str]:
    """Return every report by the name of its folder, the one that ends last first. Blocks."""
    if not folder.is_dir():
        return []
    found = [path.name for path in folder.iterdir() if path.is_dir() and _is_report(path.name)]
    return sorted(found, key=_order, reverse=True)


def _is_report(name: str) -> bool:
    if _NAME.fullmatch(name) is None:
        return False
    try:
        first, last = _ends(name)
    except ValueError:
        return False
    return first <= last


def _order(name: str) -> tuple[int, int]:
    """Of reports that end on the same day the longest stands first."""
    first, last = _ends(name)
    return last.toordinal(), -first.toordinal()


def _ends(name: str) -> tuple[date, date]:
    first, _, last = name.partition("_")
    return date.fromisoformat(first), date.fromisoformat(last or first)


def _kind(name: str) -> ReportKind:
    first, last = _ends(name)
    if first == last:
        return "day"
    return "week" if first.weekday() == 0 and last - first == _WEEK else "range"


def line(folder: Path, name: str, figures: Mapping[str, Any] | None) -> ReportLine:
    """Return one report with its headline; ``figures`` are those of its day. Blocks."""
    found = _figures(folder / name, name, figures)
    deliveries = _deliveries(folder / name)
    first, last = _ends(name)
    return ReportLine(
        name=name,
        kind=_kind(name),
        date=first.isoformat(),
        last_date=last.isoformat(),
        edition=deliveries[-1].get("edition") if deliveries else None,
        data_verdict=found.get("data_verdict"),
        opportunities=found.get("opportunities"),
        trades=found.get("trades"),
        realised_net_usd=_exact(found.get("realised_net_usd")),
        completeness_percent=_exact(found.get("completeness_pct")),
        is_reconciled=found.get("is_reconciled"),
        sent_to=len({one.get("recipient") for one in deliveries}),
        files=_files(folder / name, name),
    )


def _figures(folder: Path, name: str, figures: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if _is_day(name):
        return figures or {}
    try:
        content = json.loads((folder / _FIGURES).read_text(encoding="utf-8"))
        return {key: _number(value) for key, value in content["summary"].items()}
    except (OSError, ValueError, KeyError, AttributeError):
        return {}  # its files are still there to be read


def _number(value: object) -> object:
    return Decimal(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else value


async def figures_of(desk: RecordDesk) -> dict[str, Row]:
    """Return the figures of every published day."""
    rows = await desk.published("SELECT * FROM published.rpt_daily ORDER BY report_date")
    return {str(row["report_date"]): row for row in rows or []}


def detail(folder: Path, name: str, figures: Row | None) -> ReportDetail:
    """Return one report with every figure. Blocks."""
    shown = {key: _text(value) for key, value in _figures(folder / name, name, figures).items()}
    return ReportDetail(report=line(folder, name, figures), figures=shown)


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


def file_of(folder: Path, report: str, name: str) -> tuple[Path, str]:
    """Return a file of a report and what it is; names come from the folder only. Raises RequestRefused."""
    wanted = [path for path in _listed(folder / report) if path.name == name] if report in names(folder) else []
    if not wanted:
        raise RequestRefused(404, "not_found", "there is no such report or file")
    return wanted[0], MEDIA[wanted[0].suffix]


def _files(folder: Path, report: str) -> list[ReportFile]:
    return [
        ReportFile(
            name=path.name,
            size_bytes=path.stat().st_size,
            media_type=MEDIA[path.suffix],
            url=f"/api/v1/reports/{report}/files/{path.name}",
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
    return "_" not in name


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
