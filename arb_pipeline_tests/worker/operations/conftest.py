"""A configuration in a folder of its own, on ports that are free now."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from streaming_worker.config import Config, load_config
from streaming_worker.operations.ports import VENUE_PORTS, is_free, ports_from_base


def _free_base() -> int:
    """Ask the system for a port whose neighbours are free as well."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as server:
            base = server.getsockname()[1]
        if base < 65_000 and all(is_free("127.0.0.1", base + offset) for offset in range(10 + VENUE_PORTS)):
            return base


@pytest.fixture
def config_of(tmp_path: Path) -> Callable[..., Config]:
    def make(profile: str = "demo", **environ: str) -> Config:
        own = {"ARB_PROFILE": profile, "ARB_DATA_DIR": str(tmp_path / "data"), **ports_from_base(_free_base())}
        return load_config(None, own | environ)

    return make
