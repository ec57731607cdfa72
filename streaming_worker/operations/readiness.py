"""When the platform counts as up: each part answers for itself, not merely listens."""

import socket
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from streaming_worker.config import Config
from streaming_worker.errors import OperationError
from streaming_worker.operations.graphql import DagsterClient
from streaming_worker.operations.programs import CODE_LOCATION

_TIMEOUT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class PartState:
    """One part: up, or what is missing."""

    name: str
    is_up: bool
    detail: str


def gateway_health(config: Config) -> dict[str, Any]:
    """Return the worker's own report. Raises OperationError when it does not answer."""
    url = f"http://{config.gateway.host}:{config.gateway.port}/health"
    try:
        content = msgspec.json.decode(httpx.get(url, timeout=_TIMEOUT_S, trust_env=False).content)
    except (httpx.HTTPError, msgspec.DecodeError) as e:
        raise OperationError(f"the worker does not answer at {url}: {type(e).__name__}") from e
    if not isinstance(content, dict):
        raise OperationError(f"the worker answers nonsense at {url}")
    return content


def missing_parts(config: Config) -> tuple[str, ...]:
    """Return a line for each part that is not up yet; empty when everything is."""
    return tuple(f"{part.name}: {part.detail}" for part in _parts(config) if not part.is_up)


def _parts(config: Config) -> list[PartState]:
    parts = [_worker(config), _api(config), _dagster(config)]
    if config.venues.enabled:
        parts.append(_listens("venues", config.venues.host, config.venues.port))
    if config.smtp.sink:
        parts.append(_listens("mail", config.smtp.host, config.smtp.port))
    return parts


def _worker(config: Config) -> PartState:
    try:
        health = gateway_health(config)
    except OperationError as e:
        return PartState("worker", is_up=False, detail=str(e))
    # without the internet a live worker stays up and says so; only the demo's own venues must be there
    is_up = bool(health.get("is_ready")) or not config.venues.enabled
    return PartState("worker", is_up, "; ".join(map(str, health.get("why", []))))


def _api(config: Config) -> PartState:
    url = f"http://{config.api.host}:{config.api.port}/api/v1/health/ready"
    try:
        answer = httpx.get(url, timeout=_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as e:
        return PartState("api", is_up=False, detail=f"does not answer at {url}: {type(e).__name__}")
    return PartState("api", answer.status_code == httpx.codes.OK, "its database does not answer")


def _dagster(config: Config) -> PartState:
    client = DagsterClient(config.dagster.host, config.dagster.port)
    try:
        loaded = client.loaded_locations()
        silent = client.unhealthy_daemons() if CODE_LOCATION in loaded else ()
    except OperationError as e:
        return PartState("dagster", is_up=False, detail=str(e))
    if CODE_LOCATION not in loaded:
        return PartState("dagster", is_up=False, detail=f"code location {CODE_LOCATION} is not loaded yet")
    return PartState("dagster", not silent, f"daemons not reporting yet: {', '.join(silent)}")


def _listens(name: str, host: str, port: int) -> PartState:
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT_S):
            return PartState(name, is_up=True, detail="")
    except OSError as e:
        return PartState(name, is_up=False, detail=f"does not listen on port {port}: {e.strerror or e}")
