"""Status, health and version: what a glance and a load balancer need."""

import anyio.to_thread
from fastapi import APIRouter, Response

from streaming_worker.api.edge import API
from streaming_worker.api.reading import about
from streaming_worker.api.reading.status import version
from streaming_worker.api.schemas.base import moment
from streaming_worker.api.schemas.system import About, Live, Ready, ReadyPart, Status, Version
from streaming_worker.api.security import PUBLIC, Viewer
from streaming_worker.api.services import PRODUCT, RELEASE, Parts
from streaming_worker.errors import StorageError

router = APIRouter(prefix=API, tags=["status"])


@router.get("/status", response_model=Status)
async def get_status(_: Viewer, parts: Parts) -> Response:
    """Return the whole at a glance; made once a second for everybody."""
    content = await parts.broadcasts.current(parts.clock.now_ns())
    return Response(content, media_type="application/json")


@router.get("/version")
async def get_version(_: Viewer) -> Version:
    """Return what runs."""
    return version(RELEASE)


@router.get("/about")
async def get_about(_: Viewer, parts: Parts) -> About:
    """Return the hash of the settings in force, and every package with its licence."""
    digest = await about.settings_hash(parts.desk, parts.view.run_id, parts.clock.now_ns())
    return About(settings_hash=digest, packages=list(await anyio.to_thread.run_sync(about.packages, PRODUCT)))


@router.get("/health/live", dependencies=[PUBLIC])
async def get_live(parts: Parts) -> Live:
    """Return whether the process answers."""
    return Live(status="alive", as_of=moment(parts.clock.now_ns()))


@router.get("/health/ready", dependencies=[PUBLIC], responses={503: {"model": Ready, "description": "not ready"}})
def get_ready(parts: Parts, response: Response) -> Ready:
    """Return whether the API can do its work. Without the worker it still serves the record, and is ready."""
    checks = [_state(parts), ReadyPart(name="worker", is_ready=parts.view.is_up, detail=parts.view.link.value)]
    is_ready = checks[0].is_ready
    response.status_code = 200 if is_ready else 503
    return Ready(is_ready=is_ready, parts=checks)


def _state(parts: Parts) -> ReadyPart:
    try:
        parts.sessions.get("nobody")
    except StorageError:
        return ReadyPart(name="state", is_ready=False, detail="the database does not answer")
    return ReadyPart(name="state", is_ready=True, detail="answers")
