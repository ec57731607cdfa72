"""A taken port is named before anything starts, with who holds it and the way out."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from streaming_worker.config import Config
from streaming_worker.errors import OperationError
from streaming_worker.operations.ports import holder_of, is_free, ports_from_base, ports_of, require_free


def test_the_demo_listens_on_the_documented_ports() -> None:
    from streaming_worker.config import load_config

    ports = [use.port for use in ports_of(load_config(None, {}))]
    assert ports == [8090, 8080, 3000, 1025, *range(9100, 9111)]
    assert [use.port for use in ports_of(load_config(None, {"ARB_PROFILE": "live"}))] == [8090, 8080, 3000]


def test_one_base_moves_every_port(config_of: Callable[..., Config]) -> None:
    uses = ports_of(config_of(**ports_from_base(40_000)))
    assert {use.port for use in uses} == {40_000, 40_001, 40_002, 40_003, *range(40_010, 40_021)}


def test_a_taken_port_is_refused_with_its_holder_and_the_way_out(config_of: Callable[..., Config]) -> None:
    config = config_of()
    require_free(ports_of(config))
    with socket.create_server(("127.0.0.1", config.dagster.port)):
        assert not is_free("127.0.0.1", config.dagster.port)
        with pytest.raises(OperationError) as caught:
            require_free(ports_of(config))
    assert str(caught.value).startswith(f"port {config.dagster.port} (Dagster web interface) is in use by ")
    assert f"(pid {os.getpid()})" in str(caught.value)
    assert caught.value.hint == "stop it, or set ARB_PORT_DAGSTER or --port-base to free ports"


def test_a_holder_that_cannot_be_seen_is_not_guessed(tmp_path: Path) -> None:
    assert holder_of(1, tmp_path) is None
    (tmp_path / "net").mkdir()
    header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    line = "   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1\n"
    (tmp_path / "net" / "tcp").write_text(header + line, encoding="ascii")
    (tmp_path / "77").mkdir()
    assert holder_of(3000, tmp_path) is None
    (tmp_path / "77" / "fd").mkdir()
    (tmp_path / "77" / "fd" / "3").symlink_to("socket:[4242]")
    (tmp_path / "77" / "comm").write_text("other\n", encoding="utf-8")
    assert holder_of(3000, tmp_path) == "other (pid 77)"
    assert holder_of(3001, tmp_path) is None
