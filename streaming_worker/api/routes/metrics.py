"""Counters for Prometheus."""

from fastapi import APIRouter, Response

from streaming_worker.api.metrics import CONTENT_TYPE
from streaming_worker.api.security import METRICS
from streaming_worker.api.services import Parts

router = APIRouter(tags=["metrics"])


@router.get(
    "/metrics",
    dependencies=[METRICS],
    response_class=Response,
    responses={200: {"description": "Prometheus text", "content": {"text/plain": {}}}},
)
async def get_metrics(parts: Parts) -> Response:
    """Return the API's own counters; programs of this machine need no key, others one with scope metrics."""
    parts.metrics.worker_up.set(parts.view.is_up)
    return Response(parts.metrics.text(), headers={"Content-Type": CONTENT_TYPE})
