"""A name is looked up once at a time, in bounded time, and a lookup that hangs holds up nobody."""

import asyncio
import socket
import subprocess
import sys
import threading

import pytest

from streaming_worker.adapters.names import Names


class Hanging:
    """A name server that answers when told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.released = threading.Event()

    def __call__(self, host: str) -> object:
        self.asked.append(host)
        self.released.wait()
        return []


async def test_an_unknown_name_fails_with_the_words_of_the_system() -> None:
    with pytest.raises(socket.gaierror):
        await Names().check("venue.invalid", 10.0)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
async def test_an_address_needs_no_lookup(host: str) -> None:
    hanging = Hanging()
    await Names(hanging).check(host, 0.001)
    assert hanging.asked == []


async def test_a_lookup_that_hangs_is_given_up_and_not_begun_twice() -> None:
    hanging = Hanging()
    names = Names(hanging)
    for _ in range(3):
        with pytest.raises(OSError, match="no name server answers"):
            await names.check("venue.example", 0.01)
    assert hanging.asked == ["venue.example"]
    hanging.released.set()
    await names.check("venue.example", 10.0)
    await names.check("other.example", 10.0)
    assert hanging.asked[-1] == "other.example"


async def test_every_waiter_of_a_name_hears_the_same_answer() -> None:
    def refuse(host: str) -> object:
        raise OSError(1, f"refused {host}")

    names = Names(refuse)
    results = await asyncio.gather(*(names.check("venue.example", 10.0) for _ in range(3)), return_exceptions=True)
    assert [str(result) for result in results] == ["[Errno 1] refused venue.example"] * 3


async def test_what_is_no_name_at_all_is_an_error_of_the_lookup() -> None:
    with pytest.raises(OSError, match="not a host name"):
        await Names().check("a" * 64 + ".example", 10.0)


def test_a_process_ends_while_a_lookup_hangs() -> None:
    """The system's own lookup held up the end of a stopped worker for half a minute."""
    program = """
import asyncio, threading
from streaming_worker.adapters.names import Names
async def main():
    try:
        await Names(lambda host: threading.Event().wait()).check("venue.example", 0.01)
    except OSError:
        print("given up")
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert (done.stdout, done.stderr) == ("given up\n", "")
