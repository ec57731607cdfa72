"""Users and the audit log from the command line, straight at the API's database; every change is in the audit log."""

import contextlib
import getpass
import secrets
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from streaming_worker.adapters.clock import AnchoredClock, Clock
from streaming_worker.api.audit import Action, AuditLog
from streaming_worker.api.database import Database, database_url
from streaming_worker.api.identity.passwords import Passwords
from streaming_worker.api.identity.roles import Role
from streaming_worker.api.identity.sessions import Sessions
from streaming_worker.api.identity.throttle import LoginThrottle
from streaming_worker.api.identity.tokens import TokenSigner
from streaming_worker.api.identity.users import UserRecord, Users
from streaming_worker.config import Config
from streaming_worker.errors import OperationError, RequestRefused

DEMO_USER: Final = "demo-admin"


class _People:
    """The parts of one database that the commands use."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.users = Users(database, Passwords(), clock)
        self.sessions = Sessions(database, clock)
        self.throttle = LoginThrottle(database, clock)
        self.signer = TokenSigner(database, clock)
        self.audit = AuditLog(database, clock)

    def named(self, username: str) -> UserRecord:
        found = self.users.named(username)
        if found is None:
            raise OperationError(f"there is no user {username}", hint="see: arb users list")
        return found

    def note(self, action: str, target: str, **after: object) -> None:
        self.audit.append(Action(actor=_who(), actor_kind="cli", action=action, target=target, after=after or None))


@contextlib.contextmanager
def _people(config: Config) -> Iterator[_People]:
    database = Database(database_url(config.api.database_url, config.paths.state))
    try:
        yield _People(database, AnchoredClock())
    except RequestRefused as e:
        raise OperationError(str(e)) from e
    finally:
        database.close()


def add_user(config: Config, username: str, password: str, role: str) -> None:
    """Make a user. Raises OperationError for a name that is taken or a weak password, StorageError."""
    with _people(config) as people:
        made = people.users.create(username, password, Role(role))
        people.note("user.create", made.user_id, username=username, role=role)


def users_of(config: Config) -> list[dict[str, Any]]:
    """Return every user."""
    with _people(config) as people:
        return [
            {"username": user.username, "role": user.role.value, "is_disabled": user.is_disabled}
            for user in people.users.all()
        ]


def reset_password(config: Config, username: str, password: str) -> None:
    """Set a password, end the user's logins and lift a lockout. Raises OperationError, StorageError."""
    with _people(config) as people:
        user = people.named(username)
        people.users.set_password(user.user_id, password)
        people.sessions.revoke_user(user.user_id, "the password was set anew")
        people.throttle.succeeded(f"user:{username}")
        people.note("user.password", user.user_id)


def change_role(config: Config, username: str, role: str) -> None:
    """Change a role, or shut out; a user who loses something has to log in again. Raises OperationError."""
    with _people(config) as people:
        user = people.named(username)
        is_disabled = role == "disabled"
        after = people.users.change(user.user_id, role=None if is_disabled else Role(role), is_disabled=is_disabled)
        people.sessions.revoke_user(user.user_id, "the user was changed")
        people.note("user.change", user.user_id, role=after.role.value, is_disabled=after.is_disabled)


def rotate(config: Config) -> str:
    """Sign with a new key, and return its name."""
    with _people(config) as people:
        kid = people.signer.rotate()
        people.note("signing.rotate", kid)
        return kid


def verify_audit(config: Config, head: str | None) -> dict[str, Any]:
    """Return whether the audit log's chain holds."""
    with _people(config) as people:
        return asdict(people.audit.verify(expected_head=head))


def demo_login(config: Config) -> tuple[str, str] | None:
    """Make the demo's admin with a random password and return both; None where there are users already."""
    with _people(config) as people:
        if people.users.all():
            return None
        password = "-".join(secrets.token_hex(3) for _ in range(4))
        made = people.users.create(DEMO_USER, password, Role.ADMIN)
        people.note("user.create", made.user_id, username=DEMO_USER, role=Role.ADMIN.value)
        return DEMO_USER, password


def _who() -> str:
    try:
        return f"cli:{getpass.getuser()}"[:64]
    except (KeyError, OSError):
        return "cli"
