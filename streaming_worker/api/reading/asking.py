"""What a route reads from its query, without a thread: the framework sends each plain callable to one of its own."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from fastapi import Depends


def asked(make: Callable[..., Any]) -> Any:
    """Return the dependency on what a class or function makes of a request, which must not block."""
    return Depends(_in_the_loop(make))


@functools.cache
def _in_the_loop(make: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(make, updated=())
    async def made(**arguments: Any) -> Any:
        return make(**arguments)

    # The framework would look at what is inside, and take that for the dependency.
    del made.__wrapped__
    made.__signature__ = inspect.signature(make)  # type: ignore[attr-defined]
    return made
