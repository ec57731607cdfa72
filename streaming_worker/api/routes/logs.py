"""The programs' log lines; for operators."""

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Query

from streaming_worker.api.edge import API
from streaming_worker.api.log_tail import Level, newest
from streaming_worker.api.routes.pages import whole_page
from streaming_worker.api.schemas.system import LogPage
from streaming_worker.api.security import Operator
from streaming_worker.api.services import Parts

router = APIRouter(prefix=API, tags=["logs"])


@router.get("/logs")
async def get_logs(
    _: Operator,
    parts: Parts,
    level: Annotated[Level, Query(description="this and worse")] = Level.INFO,
    program: Annotated[str | None, Query(pattern=r"^[a-z_-]{1,40}$")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> LogPage:
    """Return the newest lines of the programs under the supervisor, newest first."""
    lines = await anyio.to_thread.run_sync(
        lambda: newest(parts.config.paths.logs, level=level, program=program, limit=limit)
    )
    return whole_page(LogPage, lines, parts.clock.now_ns())
