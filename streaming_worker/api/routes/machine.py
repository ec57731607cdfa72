"""The machine behind the numbers, and a bundle of what somebody who helps needs to see."""

import io
import zipfile

import anyio.to_thread
from fastapi import APIRouter, Response

from streaming_worker.api.edge import API
from streaming_worker.api.reading import machine
from streaming_worker.api.schemas.base import moment
from streaming_worker.api.schemas.machine import SystemStatus
from streaming_worker.api.security import Operator, Viewer
from streaming_worker.api.services import Parts

router = APIRouter(prefix=API, tags=["system"])


@router.get("/system")
async def get_system(_: Viewer, parts: Parts) -> SystemStatus:
    """Return queues, the writer, files, disk and the pipeline."""
    return await _system(parts)


@router.get("/diagnostics", response_class=Response, responses={200: {"content": {"application/zip": {}}}})
async def get_diagnostics(_: Operator, parts: Parts) -> Response:
    """Return a zip file of the status, the worker's readings and the newest log lines; it holds no secret."""
    system = await _system(parts)
    now_ns = parts.clock.now_ns()
    content = {
        "status.json": await parts.broadcasts.current(now_ns),
        "system.json": system.model_dump_json(indent=2).encode(),
        "readings.json": machine.readings(parts.view.metrics),
    }
    name = f"arb-diagnostics-{moment(now_ns)[:19].replace(':', '')}Z.zip"
    return Response(
        _zipped(content),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


async def _system(parts: Parts) -> SystemStatus:
    now_ns = parts.clock.now_ns()
    metrics = parts.view.metrics if parts.view.is_up else {}
    return SystemStatus(
        queue=machine.queue(metrics),
        writer=machine.writer(metrics),
        feeds=machine.feed_counters(metrics),
        files=await anyio.to_thread.run_sync(machine.files, parts.config.paths.data_dir, now_ns),
        pipeline=await parts.pipeline.pipeline(),
        as_of=moment(now_ns),
    )


def _zipped(content: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in content.items():
            bundle.writestr(name, data)
    return packed.getvalue()
