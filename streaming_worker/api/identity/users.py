"""Users: made by an admin or by ``arb users``, never by anybody else; there is no user to begin with."""

import re
import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from streaming_worker.adapters.clock import Clock
from streaming_worker.api.database import USERS, Database
from streaming_worker.api.identity.passwords import LEAST_LENGTH, Passwords
from streaming_worker.api.identity.roles import Role
from streaming_worker.errors import RequestRefused, StorageError

USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRecord:
    """One user as kept. Units: ns UTC."""

    user_id: str
    username: str
    role: Role
    is_disabled: bool
    created_ns: int
    password_changed_ns: int
    last_login_ns: int | None


class Users:
    """The users of one database. Blocks: call it in a thread."""

    def __init__(self, database: Database, passwords: Passwords, clock: Clock) -> None:
        self._database = database
        self._passwords = passwords
        self._clock = clock

    def create(self, username: str, password: str, role: Role) -> UserRecord:
        """Make a user. Raises RequestRefused for a bad name, a weak password or a name that is taken."""
        if USERNAME.fullmatch(username) is None:
            rule = "a name has 2 to 40 characters out of a-z, 0-9, dot, - and _ and begins with a letter or digit"
            raise RequestRefused(422, "bad_username", rule)
        require_strong(password, username)
        now_ns = self._clock.now_ns()
        user_id = secrets.token_hex(8)
        try:
            with self._database.writing() as connection:
                connection.execute(
                    insert(USERS).values(
                        user_id=user_id,
                        username=username,
                        password_hash=self._passwords.hash(password),
                        role=role.value,
                        is_disabled=False,
                        created_ns=now_ns,
                        password_changed_ns=now_ns,
                    )
                )
        except StorageError as e:
            if isinstance(e.__cause__, IntegrityError):
                raise RequestRefused(409, "username_taken", f"there is a user {username} already") from e
            raise
        return self.get(user_id)

    def get(self, user_id: str) -> UserRecord:
        """Return one user. Raises RequestRefused where there is none."""
        with self._database.reading() as connection:
            row = connection.execute(select(USERS).where(USERS.c.user_id == user_id)).first()
        if row is None:
            raise RequestRefused(404, "not_found", "there is no such user")
        return _record(row)

    def named(self, username: str) -> UserRecord | None:
        """Return the user of a name, None where there is none."""
        with self._database.reading() as connection:
            row = connection.execute(select(USERS).where(USERS.c.username == username)).first()
        return None if row is None else _record(row)

    def all(self) -> list[UserRecord]:
        """Return every user by name."""
        with self._database.reading() as connection:
            return [_record(row) for row in connection.execute(select(USERS).order_by(USERS.c.username))]

    def check(self, username: str, password: str) -> UserRecord | None:
        """Return the user whose name and password these are; takes as long when there is none."""
        with self._database.reading() as connection:
            row = connection.execute(select(USERS).where(USERS.c.username == username)).first()
        fits = self._passwords.fits(None if row is None else row.password_hash, password)
        if row is None or not fits or row.is_disabled:
            return None
        if self._passwords.is_outdated(row.password_hash):
            self._set(row.user_id, password_hash=self._passwords.hash(password))
        return _record(row)

    def change(self, user_id: str, *, role: Role | None = None, is_disabled: bool | None = None) -> UserRecord:
        """Change what is given. Raises RequestRefused when no admin would be left."""
        before = self.get(user_id)
        after_role = before.role if role is None else role
        after_disabled = before.is_disabled if is_disabled is None else is_disabled
        if before.role is Role.ADMIN and (after_role is not Role.ADMIN or after_disabled):
            admins = [user for user in self.all() if user.role is Role.ADMIN and not user.is_disabled]
            if [user.user_id for user in admins] == [user_id]:
                raise RequestRefused(409, "last_admin", "the last admin stays one")
        self._set(user_id, role=after_role.value, is_disabled=after_disabled)
        return self.get(user_id)

    def set_password(self, user_id: str, password: str) -> None:
        """Put a new password in place. Raises RequestRefused for a weak one."""
        require_strong(password, self.get(user_id).username)
        self._set(user_id, password_hash=self._passwords.hash(password), password_changed_ns=self._clock.now_ns())

    def note_login(self, user_id: str) -> None:
        """Write down when the user came."""
        self._set(user_id, last_login_ns=self._clock.now_ns())

    def _set(self, user_id: str, **values: object) -> None:
        with self._database.writing() as connection:
            connection.execute(update(USERS).where(USERS.c.user_id == user_id).values(**values))


def require_strong(password: str, username: str) -> None:
    """Raise RequestRefused for a password that is easily guessed."""
    if len(password) < LEAST_LENGTH:
        raise RequestRefused(422, "weak_password", f"a password has at least {LEAST_LENGTH} characters")
    if len(set(password)) < 5 or username.lower() in password.lower():
        raise RequestRefused(422, "weak_password", "a password has 5 different characters and not the user's name")


def _record(row: Row[tuple[object, ...]]) -> UserRecord:
    return UserRecord(
        user_id=row.user_id,
        username=row.username,
        role=Role(row.role),
        is_disabled=bool(row.is_disabled),
        created_ns=row.created_ns,
        password_changed_ns=row.password_changed_ns,
        last_login_ns=row.last_login_ns,
    )
