"""Look host names up without ever holding up a stop.

The system's call cannot be cancelled and may take half a minute when no name server answers; an event loop and the
end of a process both wait for the threads that are in it. So every name is looked up first in a thread that nobody
waits for, one for each name; a connection is tried only after that succeeded.
"""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

_LOCAL: Final = "localhost"
Lookup: TypeAlias = Callable[[str], object]


def _system_lookup(host: str) -> object:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)


class Names:
    """The lookups under way; single event loop only."""

    def __init__(self, lookup: Lookup = _system_lookup) -> None:
        self._lookup = lookup
        self._under_way: dict[str, asyncio.Future[OSError | None]] = {}

    async def check(self, host: str, timeout_s: float) -> None:
        """Return when the name is known. Raises OSError, with the system's words where it has any."""
        if _needs_no_lookup(host):
            return
        waiting = self._under_way.get(host)
        if waiting is None:
            waiting = self._under_way[host] = self._start(host)
        try:
            async with asyncio.timeout(timeout_s):
                error = await asyncio.shield(waiting)
        except TimeoutError:
            error = OSError(0, "no name server answers")
        if error is not None:
            raise error

    def _start(self, host: str) -> asyncio.Future[OSError | None]:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[OSError | None] = loop.create_future()

        def tell(error: OSError | None) -> None:
            del self._under_way[host]
            outcome.set_result(error)

        def look_up() -> None:
            error: OSError | None = None
            try:
                self._lookup(host)
            except OSError as e:
                error = e
            except UnicodeError as e:
                error = OSError(0, f"not a host name: {e}")
            # The loop may have ended long ago.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(tell, error)

        threading.Thread(target=look_up, name=f"lookup {host}", daemon=True).start()
        return outcome


def _needs_no_lookup(host: str) -> bool:
    if host == _LOCAL:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
