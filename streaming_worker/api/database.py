"""The API's own state: users, sessions, keys, audit and settings, in SQLite or in PostgreSQL by URL.

Times are ns UTC. Passwords, tokens and keys are here as hashes only; the signing keys are why the file is its owner's.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import SQLAlchemyError

from streaming_worker.errors import StorageError

METADATA: Final = MetaData()
_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_BUSY_MS: Final = 5_000
_POSTGRESQL: Final = "postgresql+psycopg"
# any number that no other program of the same database takes
_WRITER: Final = 0x617262
_LOCK: Final = threading.Lock()


def _ns(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


USERS: Final = Table(
    "users",
    METADATA,
    Column("user_id", String(32), primary_key=True),
    Column("username", String(40), nullable=False, unique=True),
    Column("password_hash", String(200), nullable=False),
    Column("role", String(10), nullable=False),
    Column("is_disabled", Boolean, nullable=False),
    _ns("created_ns"),
    _ns("password_changed_ns"),
    _ns("last_login_ns", nullable=True),
)
SESSIONS: Final = Table(
    "sessions",
    METADATA,
    Column("session_id", String(32), primary_key=True),
    Column("user_id", String(32), ForeignKey("users.user_id", ondelete="CASCADE"), nullable=False, index=True),
    _ns("created_ns"),
    _ns("last_seen_ns"),
    _ns("expires_ns"),
    Column("ip", String(64), nullable=False),
    Column("user_agent", String(200), nullable=False),
    _ns("revoked_ns", nullable=True),
    Column("revoked_why", String(100), nullable=True),
)
REFRESH_TOKENS: Final = Table(
    "refresh_tokens",
    METADATA,
    Column("token_hash", String(64), primary_key=True),
    Column("session_id", String(32), ForeignKey("sessions.session_id", ondelete="CASCADE"), nullable=False, index=True),
    _ns("issued_ns"),
    _ns("expires_ns"),
    _ns("used_ns", nullable=True),
)
API_KEYS: Final = Table(
    "api_keys",
    METADATA,
    Column("key_id", String(32), primary_key=True),
    Column("key_hash", String(64), nullable=False),
    Column("user_id", String(32), ForeignKey("users.user_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(60), nullable=False),
    Column("scopes", String(100), nullable=False),
    _ns("created_ns"),
    _ns("expires_ns"),
    _ns("last_used_ns", nullable=True),
    _ns("revoked_ns", nullable=True),
)
SIGNING_KEYS: Final = Table(
    "signing_keys",
    METADATA,
    Column("kid", String(16), primary_key=True),
    Column("value", String(128), nullable=False),
    _ns("created_ns"),
    _ns("retired_ns", nullable=True),
)
LOGIN_FAILURES: Final = Table(
    "login_failures",
    METADATA,
    Column("subject", String(120), primary_key=True),
    Column("failures", Integer, nullable=False),
    _ns("last_ns"),
    _ns("locked_until_ns"),
)
AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _ns("at_ns"),
    Column("actor", String(64), nullable=False),
    Column("actor_kind", String(10), nullable=False),
    Column("ip", String(64), nullable=True),
    Column("action", String(60), nullable=False),
    Column("target", String(200), nullable=True),
    Column("outcome", String(20), nullable=False),
    Column("before", Text, nullable=True),
    Column("after", Text, nullable=True),
    Column("reason", Text, nullable=True),
    Column("request_id", String(64), nullable=True),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
PREFERENCES: Final = Table(
    "preferences",
    METADATA,
    Column("user_id", String(32), ForeignKey("users.user_id", ondelete="CASCADE"), primary_key=True),
    Column("content", Text, nullable=False),
)
ACKNOWLEDGEMENTS: Final = Table(
    "acknowledgements",
    METADATA,
    Column("advice_id", String(64), primary_key=True),
    Column("actor", String(64), nullable=False),
    _ns("at_ns"),
    Column("note", Text, nullable=True),
)

LIMIT_PROPOSALS: Final = Table(
    "limit_proposals",
    METADATA,
    Column("proposal_id", String(32), primary_key=True),
    _ns("asked_ns"),
    Column("user_id", String(32), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("limits", Text, nullable=False),
    Column("minutes", Integer, nullable=True),
    Column("status", String(10), nullable=False),
    _ns("decided_ns", nullable=True),
    Column("decided_by", String(64), nullable=True),
)
TRADE_TAGS: Final = Table(
    "trade_tags",
    METADATA,
    Column("trade_id", String(120), primary_key=True),
    Column("tag", String(40), primary_key=True),
    Column("actor", String(64), nullable=False),
    _ns("at_ns"),
)
TRADE_NOTES: Final = Table(
    "trade_notes",
    METADATA,
    Column("note_id", String(32), primary_key=True),
    Column("trade_id", String(120), nullable=False, index=True),
    Column("user_id", String(32), nullable=False),
    Column("actor", String(64), nullable=False),
    _ns("at_ns"),
    Column("text", Text, nullable=False),
)
VISITS: Final = Table(
    "visits",
    METADATA,
    Column("user_id", String(32), ForeignKey("users.user_id", ondelete="CASCADE"), primary_key=True),
    _ns("seen_ns"),
    _ns("left_ns", nullable=True),
)
REPORT_SENDS: Final = Table(
    "report_sends",
    METADATA,
    Column("send_id", String(64), primary_key=True),
    Column("period", String(40), nullable=False),
    Column("actor", String(64), nullable=False),
    _ns("at_ns"),
    Column("status", String(10), nullable=False),
    Column("detail", Text, nullable=True),
)
ALERT_RULES: Final = Table(
    "alert_rules",
    METADATA,
    Column("rule_id", String(16), primary_key=True),
    Column("instrument", String(120), nullable=True),
    Column("pool", String(120), nullable=True),
    Column("direction", String(20), nullable=True),
    Column("least_edge_centibps", Integer, nullable=False),
    Column("open_ms", Integer, nullable=False),
    Column("severity", String(10), nullable=False),
    Column("cooldown_s", Integer, nullable=False),
    Column("is_on", Boolean, nullable=False),
    Column("actor", String(64), nullable=False),
    _ns("made_ns"),
    _ns("expires_ns", nullable=True),
    _ns("fired_ns", nullable=True),
)


class Database:
    """Connections to one database, whose tables are brought up to date when it is opened. Raises StorageError."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        try:
            migrate(self._engine)
        except BaseException:
            self._engine.dispose()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection that changes nothing."""
        with _translated(), self._engine.connect() as connection:
            yield connection.execution_options(is_reading=True)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction: all of it, or on an error nothing. One at a time, whoever else writes."""
        with _translated(), self._engine.begin() as connection:
            _wait_for_turn(connection)
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def database_url(own: str | None, state: Path) -> str:
    """Return the configured URL, or that of the file in the state folder, which is made."""
    if own is not None:
        return own
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    return f"sqlite:///{state / 'app.db'}"


def migrate(engine: Engine) -> None:
    """Bring the tables up to the newest version. Raises StorageError."""
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(_MIGRATIONS))
    # Alembic keeps what it works on in one place of the process.
    with _LOCK, _translated(), engine.begin() as connection:
        _wait_for_turn(connection)
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


def _engine(url: str) -> Engine:
    with _translated():
        address = make_url(url)
        if address.drivername in ("postgresql", "postgres"):
            address = address.set(drivername=_POSTGRESQL)
        engine = create_engine(address, pool_pre_ping=address.get_backend_name() != "sqlite")
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _wait_for_turn(connection: Connection) -> None:
    """SQLite has one writer anyway; elsewhere what is read before a write must not change in between."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER})")


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # we say ourselves when a transaction begins
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    is_reading = connection.get_execution_options().get("is_reading", False)
    connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as e:
        raise StorageError(f"the API's database: {type(e).__name__}: {str(e).splitlines()[0]}") from e
