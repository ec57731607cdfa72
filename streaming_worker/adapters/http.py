"""Make the REST and RPC calls that a protocol asks for: primary and fallback host, limits, retries.

Knows nothing of what an answer means. A URL can hold a key, so errors name hosts only.
"""

import asyncio
import ssl
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Final, Self

import httpx

from streaming_worker.adapters.clock import Clock
from streaming_worker.adapters.names import Names
from streaming_worker.adapters.retry_after import retry_after_s
from streaming_worker.adapters.websocket import MIB, host_of, reason_of
from streaming_worker.core.units import Nanos
from streaming_worker.errors import TransportError
from streaming_worker.protocols.base import HttpRequest

_TOO_MANY_REQUESTS: Final = 429
_RETRIED_CLIENT_ERRORS: Final = frozenset({408, 425})
_SERVER_ERROR: Final = 500
_SUCCESS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Timeouts and retry rules. ``attempts`` counts every host together; Retry-After is obeyed up to its cap."""

    connect_timeout_s: float = 5.0
    read_timeout_s: float = 10.0
    total_timeout_s: float = 30.0
    attempts: int = 5
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 8.0
    retry_after_cap_s: float = 30.0
    max_body_bytes: int = 64 * MIB


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why one attempt gave no answer, and what that means for the next."""

    reason: str
    is_final: bool = False
    is_limited: bool = False
    retry_after_s: float | None = None


class VenueHttp:
    """The calls of one feed. Use as an async context manager, or call ``close``."""

    def __init__(
        self, base_urls: tuple[str, ...], *, settings: HttpSettings, clock: Clock, names: Names, random: Random
    ) -> None:
        self._bases = base_urls
        self._settings = settings
        self._clock = clock
        self._names = names
        self._random = random
        self._opened: httpx.AsyncClient | None = None
        self.retries = 0
        self.limited = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        if self._opened is not None:
            await self._opened.aclose()

    async def call(self, request: HttpRequest) -> tuple[bytes, Nanos]:
        """Return the answer's body and when it was complete.

        Raises: TransportError, in one line with every host tried, when no attempt gave an answer.
        """
        failures: dict[str, str] = {}
        base_index = 0
        for attempt in range(self._settings.attempts):
            base = self._bases[base_index % len(self._bases)]
            outcome = await self._attempt(base, request)
            if not isinstance(outcome, _Failure):
                return outcome
            failures[host_of(base)] = outcome.reason
            if outcome.is_final or attempt + 1 == self._settings.attempts:
                break
            base_index += not outcome.is_limited
            self.retries += 1
            await self._clock.sleep(self._delay_s(outcome, attempt, base_index))
        tried = ", ".join(f"{host} ({reason})" for host, reason in failures.items())
        raise TransportError(f"no answer to {request.key}: {tried}", host=host_of(self._bases[0]))

    @property
    def _client(self) -> httpx.AsyncClient:
        """Made when first used: reading the certificates takes long, and most feeds never call."""
        if self._opened is None:
            self._opened = httpx.AsyncClient(
                timeout=httpx.Timeout(self._settings.read_timeout_s, connect=self._settings.connect_timeout_s),
                verify=ssl.create_default_context(),
                trust_env=False,
                follow_redirects=False,
            )
        return self._opened

    async def _attempt(self, base: str, request: HttpRequest) -> tuple[bytes, Nanos] | _Failure:
        try:
            await self._names.check(host_of(base), self._settings.connect_timeout_s)
            async with (
                asyncio.timeout(self._settings.total_timeout_s),
                self._client.stream(
                    request.method,
                    join_url(base, request.path),
                    content=request.body,
                    headers=None if request.body is None else {"content-type": "application/json"},
                ) as response,
            ):
                if response.status_code != _SUCCESS:
                    return self._refused(response)
                return await self._body(response)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as e:
            return _Failure(_reason(e))

    async def _body(self, response: httpx.Response) -> tuple[bytes, Nanos] | _Failure:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._settings.max_body_bytes:
                return _Failure(f"answer over {self._settings.max_body_bytes} bytes", is_final=True)
        return bytes(body), self._clock.now_ns()

    def _refused(self, response: httpx.Response) -> _Failure:
        status = response.status_code
        wait_s = retry_after_s(response.headers.get("retry-after"), self._clock.now_ns())
        if status == _TOO_MANY_REQUESTS:
            self.limited += 1
            return _Failure(f"HTTP status {status}", is_limited=True, retry_after_s=wait_s)
        is_final = status < _SERVER_ERROR and status not in _RETRIED_CLIENT_ERRORS
        return _Failure(f"HTTP status {status}", is_final=is_final, retry_after_s=wait_s)

    def _delay_s(self, failure: _Failure, attempt: int, next_base: int) -> float:
        """A host not yet tried is tried at once; a stated wait is kept; else exponential with full jitter."""
        settings = self._settings
        if not failure.is_limited and next_base < len(self._bases):
            return 0.0
        if failure.retry_after_s is not None:
            asked = min(failure.retry_after_s, settings.retry_after_cap_s)
            return asked + self._random.uniform(0, settings.backoff_base_s)
        return self._random.uniform(0, min(settings.backoff_cap_s, settings.backoff_base_s * 2.0**attempt))


def join_url(base: str, path: str) -> httpx.URL:
    """Join a request path to a base URL whose own path and query (an RPC key) stay."""
    url = httpx.URL(base)
    own_path, _, query = path.partition("?")
    queries = [part for part in (url.query.decode(), query) if part]
    raw_path = (url.path.rstrip("/") + own_path) or "/"
    return url.copy_with(raw_path=(raw_path + ("?" + "&".join(queries) if queries else "")).encode())


def _reason(error: Exception) -> str:
    """Name the innermost cause: httpx wraps the system's own words twice."""
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError):
        return str(error) or type(error).__name__
    return reason_of(error)
