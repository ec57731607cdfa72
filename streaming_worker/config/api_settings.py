"""The settings of the API process: where it listens, who may reach it and how often."""

from typing import Final

from streaming_worker.config.setting import Kind, Setting


def _limit(name: str, default: int, doc: str) -> Setting:
    return Setting(f"api.{name}", Kind.INTEGER, doc, default=default, minimum=1, maximum=1_000_000)


API_SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "api.host",
        Kind.TEXT,
        "address of the API and console; for other machines put a TLS proxy before it",
        default="127.0.0.1",
    ),
    Setting(
        "api.port",
        Kind.INTEGER,
        "port of the API and console",
        default=8080,
        env_name="ARB_PORT_API",
        minimum=1,
        maximum=65_500,
    ),
    Setting(
        "api.database_url",
        Kind.TEXT,
        "database of users, keys and audit, as SQLAlchemy writes it; state/app.db (SQLite) where left out",
        secret=True,
    ),
    Setting(
        "api.redis_url",
        Kind.TEXT,
        "Redis that several API processes share for rate limits; memory where left out",
        secret=True,
    ),
    _limit("general_per_minute", 100, "requests a minute of one address, and of one login or key"),
    _limit("controls_per_minute", 10, "control commands a minute, likewise"),
    _limit("status_per_minute", 200, "requests a minute for status, health and metrics, likewise"),
    _limit("streams_per_ip", 5, "live streams that one address may hold open"),
    Setting(
        "api.trusted_proxies",
        Kind.TEXTS,
        "addresses or networks of reverse proxies whose X-Forwarded-For and -Proto are believed",
        default=(),
    ),
    Setting(
        "api.allowed_origins",
        Kind.TEXTS,
        "other web origins that may use the API from a browser; none where left out",
        default=(),
    ),
    Setting("api.console_dir", Kind.TEXT, "folder of the built console; the one that ships where left out"),
    Setting("api.docs", Kind.FLAG, "serve the interactive documentation at /docs", default=False),
    Setting(
        "api.secure_cookies", Kind.FLAG, "send login cookies over TLS only; set it behind a TLS proxy", default=False
    ),
    Setting("api.two_person_limits", Kind.FLAG, "looser limits need the agreement of a second operator", default=True),
)
