"""What people say about simulated trades: tags to find them by, and notes. The record is never touched."""

import secrets
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select

from streaming_worker.api.audit import Action, append_in
from streaming_worker.api.database import TRADE_NOTES, TRADE_TAGS, Database
from streaming_worker.api.identity.principal import Principal
from streaming_worker.api.identity.roles import Role
from streaming_worker.api.schemas.annotations import Annotations, Note, Tag, TagCount
from streaming_worker.api.schemas.base import moment
from streaming_worker.core.units import Nanos
from streaming_worker.errors import RequestRefused

MOST_TAGS: Final = 20
MOST_NOTES: Final = 200
MOST_FOUND: Final = 5_000
_TAGS: Final = TRADE_TAGS
_NOTES: Final = TRADE_NOTES


class Desk:
    """Tags and notes of trades, each change with its line in the audit log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, trade_id: str, who: Principal) -> Annotations:
        """Return what was said about one trade; ``is_own`` marks what the asker may take away."""
        with self._database.reading() as connection:
            return _of(connection, trade_id, who)

    def tags(self) -> list[TagCount]:
        """Return every tag with how many trades have it."""
        counted = select(_TAGS.c.tag, func.count()).group_by(_TAGS.c.tag).order_by(_TAGS.c.tag)
        with self._database.reading() as connection:
            return [TagCount(tag=tag, trades=trades) for tag, trades in connection.execute(counted)]

    def trades_of(self, tag: str) -> list[str]:
        """Return the newest tagged trades."""
        query = select(_TAGS.c.trade_id).where(_TAGS.c.tag == tag).order_by(_TAGS.c.at_ns.desc()).limit(MOST_FOUND)
        with self._database.reading() as connection:
            return [str(trade_id) for (trade_id,) in connection.execute(query)]

    def add_tag(self, trade_id: str, tag: str, who: Principal, entry: Action, at_ns: Nanos) -> Annotations:
        """Put a tag on a trade; one that is there stays as it is. Raises RequestRefused where there are too many."""

        def change(connection: Connection) -> bool:
            known = connection.execute(select(_TAGS.c.tag).where(_TAGS.c.trade_id == trade_id)).scalars().all()
            if tag in known:
                return False
            if len(known) >= MOST_TAGS:
                raise RequestRefused(409, "too_many", f"a trade has at most {MOST_TAGS} tags")
            connection.execute(insert(_TAGS).values(trade_id=trade_id, tag=tag, actor=who.actor[:64], at_ns=at_ns))
            return True

        return self._change(trade_id, who, entry, at_ns, change)

    def remove_tag(self, trade_id: str, tag: str, who: Principal, entry: Action, at_ns: Nanos) -> Annotations:
        """Take a tag off a trade. Raises RequestRefused where it is not there."""

        def change(connection: Connection) -> bool:
            found = connection.execute(delete(_TAGS).where(_TAGS.c.trade_id == trade_id, _TAGS.c.tag == tag))
            if found.rowcount == 0:
                raise RequestRefused(404, "not_found", "the trade has no such tag")
            return True

        return self._change(trade_id, who, entry, at_ns, change)

    def add_note(self, trade_id: str, text: str, who: Principal, entry: Action, at_ns: Nanos) -> Annotations:
        """Write a note to a trade. Raises RequestRefused where there are too many."""

        def change(connection: Connection) -> bool:
            counted = select(func.count()).select_from(_NOTES).where(_NOTES.c.trade_id == trade_id)
            if connection.execute(counted).scalar_one() >= MOST_NOTES:
                raise RequestRefused(409, "too_many", f"a trade has at most {MOST_NOTES} notes")
            row = {"note_id": secrets.token_hex(8), "trade_id": trade_id, "user_id": who.user_id, "text": text}
            connection.execute(insert(_NOTES).values(**row, actor=who.actor[:64], at_ns=at_ns))
            return True

        return self._change(trade_id, who, entry, at_ns, change)

    def remove_note(self, trade_id: str, note_id: str, who: Principal, entry: Action, at_ns: Nanos) -> Annotations:
        """Take one's own note away, or as an admin anybody's. Raises RequestRefused."""
        this = (_NOTES.c.trade_id == trade_id, _NOTES.c.note_id == note_id)

        def change(connection: Connection) -> bool:
            owner = connection.execute(select(_NOTES.c.user_id).where(*this)).scalar()
            if owner is None:
                raise RequestRefused(404, "not_found", "the trade has no such note")
            if not _may_remove(str(owner), who):
                raise RequestRefused(403, "forbidden", "only who wrote a note, or an admin, takes it away")
            connection.execute(delete(_NOTES).where(*this))
            return True

        return self._change(trade_id, who, entry, at_ns, change)

    def _change(
        self, trade_id: str, who: Principal, entry: Action, at_ns: Nanos, change: Callable[[Connection], bool]
    ) -> Annotations:
        with self._database.writing() as connection:
            if change(connection):
                append_in(connection, entry, at_ns)
            return _of(connection, trade_id, who)


def _of(connection: Connection, trade_id: str, who: Principal) -> Annotations:
    tags = connection.execute(select(_TAGS).where(_TAGS.c.trade_id == trade_id).order_by(_TAGS.c.tag)).all()
    notes = connection.execute(select(_NOTES).where(_NOTES.c.trade_id == trade_id).order_by(_NOTES.c.at_ns)).all()
    return Annotations(
        trade_id=trade_id,
        tags=[Tag(tag=row.tag, actor=row.actor, at=moment(row.at_ns)) for row in tags],
        notes=[
            Note(
                note_id=row.note_id,
                actor=row.actor,
                at=moment(row.at_ns),
                text=row.text,
                is_own=_may_remove(row.user_id, who),
            )
            for row in notes
        ],
    )


def _may_remove(owner: str, who: Principal) -> bool:
    return owner == who.user_id or who.role.includes(Role.ADMIN)
