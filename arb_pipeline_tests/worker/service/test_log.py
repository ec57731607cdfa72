"""One event is one line, and no secret is on it, whoever logs."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog

from streaming_worker.config import load_config
from streaming_worker.config.settings import SETTINGS
from streaming_worker.service import log


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_time_and_level() -> None:
    stream = io.StringIO()
    log.configure(stream=stream)
    structlog.get_logger("capture").warning("feed_lost", feed="gemini", close_code=1006, retry_in=1.5)
    (line,) = lines(stream)
    assert str(line.pop("at")).endswith("Z")
    assert line == {"event": "feed_lost", "level": "warning", "feed": "gemini", "close_code": 1006, "retry_in": 1.5}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "wss://mainnet.example/?api-key=SECRET&x=1"),
        ("reason", "cannot reach https://user:SECRET@rpc.example/path"),
        ("password", "SECRET"),
        ("smtp_password", "SECRET"),
        ("token", "SECRET"),
        ("api_key", "SECRET"),
        ("headers", {"Authorization": "Bearer SECRET", "list": ["token=SECRET"]}),
        ("event_text", "refused token=SECRET"),
        ("headers", {"Cookie": "arb_access=SECRET", "accept": "text/html"}),
        ("header", "Authorization: Bearer SECRET.SECRET-SECRET"),
        ("header", "basic SECRETSECRET=="),
        ("said", "signed eyJhbGciOiJIUzI1NiJ9.eyJTRUNSRVQi.SECRET and sent"),
        ("webhook", "cannot post to https://hooks.slack.com/services/T0/B0/SECRET"),
        ("routing_key", "SECRET"),
    ],
)
@pytest.mark.parametrize("form", ["json", "console"])
def test_a_secret_never_reaches_the_stream(name: str, value: object, form: log.LogFormat) -> None:
    stream = io.StringIO()
    log.configure(form=form, stream=stream)
    structlog.get_logger().error("config", **{name: value})
    assert "SECRET" not in stream.getvalue()
    assert log.REDACTED in stream.getvalue()


def test_a_missing_secret_is_shown_as_missing() -> None:
    stream = io.StringIO()
    log.configure(stream=stream)
    structlog.get_logger().info("config", password=None, host="rpc.example")
    assert (lines(stream)[0]["password"], lines(stream)[0]["host"]) == (None, "rpc.example")


def test_a_traceback_stays_on_its_line() -> None:
    stream = io.StringIO()
    log.configure(form="console", stream=stream)
    try:
        raise RuntimeError("first\nsecond")
    except RuntimeError:
        structlog.get_logger().exception("feed_defect", feed="gemini")
    (line,) = stream.getvalue().splitlines()
    assert "RuntimeError: first | second" in line


def test_libraries_log_their_warnings_and_no_urls() -> None:
    """httpx logs each request's whole URL at INFO, key included."""
    stream = io.StringIO()
    log.configure(level="DEBUG", stream=stream)
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    with httpx.Client(transport=transport) as client:
        client.get("https://rpc.example/?api-key=SECRET")
    logging.getLogger("websockets.client").error("keepalive failed for wss://rpc.example/?api-key=SECRET")
    assert [line["event"] for line in lines(stream)] == [
        f"keepalive failed for wss://rpc.example/?api-key={log.REDACTED}"
    ]


def test_the_level_is_kept() -> None:
    stream = io.StringIO()
    log.configure(level="WARNING", stream=stream)
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


def test_a_whole_configuration_may_be_logged(tmp_path: Path) -> None:
    """Every secret of the settings, in every place that a URL with a key ends up in."""
    secrets = {
        name: f"SECRET{number}"
        for number, name in enumerate(setting.env for setting in SETTINGS if setting.secret and setting.env)
    }
    values = {name: f"https://node.example/?api-key={value}" for name, value in secrets.items()}
    values |= {name: secrets[name] for name in secrets if name.endswith("PASSWORD")}
    config = load_config(None, {"ARB_PROFILE": "live", "ARB_DATA_DIR": str(tmp_path), **values})
    stream = io.StringIO()
    log.configure(stream=stream)
    structlog.get_logger().info("config", config=config, feeds=config.feeds, text=f"{config}")
    assert len(secrets) >= 3
    assert "SECRET" not in stream.getvalue()
