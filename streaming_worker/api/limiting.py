"""How often one may ask: by address before anything else, by login or key once it is known.

The newest minute counts, not the clock's. Kept in memory, or in Redis where several API processes share the limits; a
Redis that does not answer is replaced by memory, so that it can neither open nor close the door.
"""

import ipaddress
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError as LimitStorageError
from redis.asyncio import ConnectionPool

from streaming_worker.adapters.clock import Clock
from streaming_worker.config.model import ApiConfig
from streaming_worker.core.units import NANOS_PER_SECOND

_LOG: Final = structlog.get_logger("limits")
_IPV6_PREFIX: Final = 64
_RETRY_NS: Final = 10 * NANOS_PER_SECOND
_WINDOW_NS: Final = 60 * NANOS_PER_SECOND
_SWEEP_EVERY: Final = 10_000
_REDIS_S: Final = 0.5
# Pages carry no data; a whole team behind one address loads them.
PAGES_PER_MINUTE: Final = 600


class LimitKind(StrEnum):
    """Which limit a route counts against."""

    GENERAL = "general"
    CONTROLS = "controls"
    STATUS = "status"
    PAGES = "pages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left. ``reset_s``: seconds until something is free again."""

    kind: LimitKind
    limit: int
    remaining: int
    reset_s: int
    is_allowed: bool

    def headers(self) -> dict[str, str]:
        """Return what the caller is told."""
        told = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_s),
        }
        return told if self.is_allowed else told | {"Retry-After": str(max(self.reset_s, 1))}


class MemoryWindow:
    """The moments of the last minute, by whom they came from. The library's own starts a thread for each sweep."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._moments: dict[str, deque[int]] = {}
        self._taken = 0

    def take(self, kind: LimitKind, limit: int, who: str) -> Allowance:
        """Count one request where it is allowed, and say what is left."""
        now_ns = self._clock.monotonic_ns()
        self._taken += 1
        if self._taken % _SWEEP_EVERY == 0:
            self._sweep(now_ns)
        moments = self._moments.setdefault(f"{kind.value}|{who}", deque())
        while moments and moments[0] <= now_ns - _WINDOW_NS:
            moments.popleft()
        is_allowed = len(moments) < limit
        if is_allowed:
            moments.append(now_ns)
        reset_s = -((now_ns - _WINDOW_NS - moments[0]) // NANOS_PER_SECOND)
        return Allowance(kind=kind, limit=limit, remaining=limit - len(moments), reset_s=reset_s, is_allowed=is_allowed)

    def _sweep(self, now_ns: int) -> None:
        """Forget who has not come for a minute."""
        gone = [who for who, moments in self._moments.items() if not moments or moments[-1] <= now_ns - _WINDOW_NS]
        for who in gone:
            del self._moments[who]


class Limiter:
    """Counts requests by kind and by whom they come from."""

    def __init__(self, config: ApiConfig, clock: Clock) -> None:
        self._clock = clock
        self._items = {
            LimitKind.GENERAL: RateLimitItemPerMinute(config.general_per_minute, namespace="arb-general"),
            LimitKind.CONTROLS: RateLimitItemPerMinute(config.controls_per_minute, namespace="arb-controls"),
            LimitKind.STATUS: RateLimitItemPerMinute(config.status_per_minute, namespace="arb-status"),
            LimitKind.PAGES: RateLimitItemPerMinute(PAGES_PER_MINUTE, namespace="arb-pages"),
        }
        self._memory = MemoryWindow(clock)
        self._shared: MovingWindowRateLimiter | None = None
        self._pool: ConnectionPool | None = None
        if config.redis_url is not None:
            self._pool = ConnectionPool.from_url(
                config.redis_url, socket_timeout=_REDIS_S, socket_connect_timeout=_REDIS_S
            )
            storage = RedisStorage(
                f"async+{config.redis_url}",
                wrap_exceptions=True,
                implementation="redispy",
                connection_pool=self._pool,  # type: ignore[arg-type]  # taken as it is, whatever the annotation says
            )
            self._shared = MovingWindowRateLimiter(storage)
        self._memory_until_ns = 0

    @property
    def is_shared(self) -> bool:
        """Whether Redis counts now."""
        return self._shared is not None and self._clock.monotonic_ns() >= self._memory_until_ns

    async def close(self) -> None:
        """Close the connections to Redis, where there are any."""
        if self._pool is not None:
            await self._pool.disconnect()

    async def take(self, kind: LimitKind, who: str) -> Allowance:
        """Count one request and say what is left."""
        if self._shared is not None and self.is_shared:
            try:
                return await self._take(self._shared, kind, who)
            except LimitStorageError as e:
                self._memory_until_ns = self._clock.monotonic_ns() + _RETRY_NS
                _LOG.warning("limits_in_memory", why=type(e.storage_error).__name__)
        return self._memory.take(kind, self._items[kind].amount, who)

    async def _take(self, limiter: MovingWindowRateLimiter, kind: LimitKind, who: str) -> Allowance:
        item = self._items[kind]
        is_allowed = await limiter.hit(item, who)
        window = await limiter.get_window_stats(item, who)
        reset_s = max(0, int(window.reset_time - self._clock.now_ns() / NANOS_PER_SECOND) + 1)
        return Allowance(
            kind=kind, limit=item.amount, remaining=window.remaining, reset_s=min(reset_s, 60), is_allowed=is_allowed
        )


def network_of(ip: str) -> str:
    """Return whom an address counts as: an IPv6 customer has a whole /64."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
    return str(address)
