"""Reports of days, weeks and other ranges, and what was told."""

from datetime import date, timedelta
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import FileResponse

from streaming_worker.api.edge import API
from streaming_worker.api.reading import reports
from streaming_worker.api.reading.alerts import AlertQuery, alert_page
from streaming_worker.api.reading.asking import asked
from streaming_worker.api.reading.paging import DEFAULT_LIMIT, Cursor, Limit
from streaming_worker.api.routes.pages import whole_page
from streaming_worker.api.schemas.base import moment
from streaming_worker.api.schemas.sending import ReportSchedule, ReportSend, SendReport
from streaming_worker.api.schemas.system import AlertPage, ReportComparison, ReportDetail, ReportPage
from streaming_worker.api.security import Operator, Viewer
from streaming_worker.api.services import Parts, act
from streaming_worker.errors import RequestRefused

router = APIRouter(prefix=API, tags=["reports"])
LONGEST = timedelta(days=92)
ReportText = Annotated[
    str, Path(pattern=r"^\d{4}-\d\d-\d\d(_\d{4}-\d\d-\d\d)?$", examples=["2026-01-31", "2026-01-26_2026-02-01"])
]
DayQuery = Annotated[str, Query(pattern=r"^\d{4}-\d\d-\d\d$", examples=["2026-01-31"])]
FileName = Annotated[str, Path(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
_FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "the file"}
}


@router.get("/reports")
async def get_reports(_: Viewer, parts: Parts) -> ReportPage:
    """Return the reports of days, weeks and other ranges, the one that ends last first."""
    figures = await reports.figures_of(parts.desk)
    lines = await anyio.to_thread.run_sync(
        lambda: [reports.line(parts.reports, name, figures.get(name)) for name in reports.names(parts.reports)]
    )
    return whole_page(ReportPage, lines, parts.clock.now_ns())


@router.get("/reports/compare")
async def compare_reports(_: Viewer, parts: Parts, first: DayQuery, second: DayQuery) -> ReportComparison:
    """Return the figures of two days side by side."""
    figures = await reports.figures_of(parts.desk)
    missing = [day for day in (first, second) if day not in figures]
    if missing:
        raise RequestRefused(404, "not_found", f"no figures are published of {missing[0]}")
    return reports.comparison(first, second, figures)


@router.get("/reports/schedule")
def get_schedule(_: Viewer, parts: Parts) -> ReportSchedule:
    """Return when reports are sent by themselves, and what was sent by hand."""
    mailing, now_ns = parts.report_room.mailing, parts.clock.now_ns()
    return ReportSchedule(
        time=None if mailing is None else mailing.time,
        timezone=None if mailing is None else mailing.timezone,
        next_at=None if mailing is None else moment(mailing.next_ns(now_ns)),
        next_week_at=None if mailing is None else moment(mailing.next_week_ns(now_ns)),
        recipients=len(parts.config.smtp.recipients),
        may_send=mailing is not None,
        sends=parts.report_room.newest(),
    )


@router.post("/reports/send", status_code=202)
def send_report(request: Request, who: Operator, parts: Parts, body: SendReport) -> ReportSend:
    """Make the report of these days and mail it to its recipients; who has had it gets it no second time."""
    first, last = (_day_of(text) for text in (body.first, body.last))
    if not timedelta(0) <= last - first < LONGEST:
        raise RequestRefused(422, "bad_range", f"a report has 1 to {LONGEST.days} days, the first one first")
    entry = act(request, who, "report.send", target=body.send_id, after={"first": body.first, "last": body.last})
    return parts.report_room.order(body.send_id, first, last, entry)


@router.get("/reports/{name}")
async def get_report(name: ReportText, _: Viewer, parts: Parts) -> ReportDetail:
    """Return one report with every figure of its days."""
    if name not in await anyio.to_thread.run_sync(reports.names, parts.reports):
        raise RequestRefused(404, "not_found", "there is no report of these days")
    figures = await reports.figures_of(parts.desk)
    return await anyio.to_thread.run_sync(reports.detail, parts.reports, name, figures.get(name))


@router.get("/reports/{report}/files/{name}", response_class=FileResponse, responses=_FILES)
async def get_report_file(report: ReportText, name: FileName, _: Viewer, parts: Parts) -> FileResponse:
    """Return one file of a report."""
    path, media = await anyio.to_thread.run_sync(reports.file_of, parts.reports, report, name)
    # A report is shown, but may run nothing and read nothing: it is a page of our own origin.
    headers = {"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"}
    return FileResponse(path, media_type=media, filename=name, content_disposition_type="inline", headers=headers)


@router.get("/alerts")
async def get_alerts(
    _: Viewer,
    parts: Parts,
    query: Annotated[AlertQuery, asked(AlertQuery)],
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> AlertPage:
    """Return what went wrong in the range, newest first, with what is over and what is not."""
    found, following = await anyio.to_thread.run_sync(
        lambda: alert_page(parts.alert_history, query, cursor=cursor, limit=limit)
    )
    return AlertPage(items=found, next_cursor=following, total=None, as_of=moment(parts.clock.now_ns()))


def _day_of(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as e:
        raise RequestRefused(422, "bad_day", f"there is no day {text}") from e
