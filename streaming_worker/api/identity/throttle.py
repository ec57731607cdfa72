"""Failed logins: after some in a row a name, and after more an address, has to wait, longer each time."""

from typing import Final

from sqlalchemy import delete, insert, select, update

from streaming_worker.adapters.clock import Clock
from streaming_worker.api.database import LOGIN_FAILURES, Database
from streaming_worker.core.units import NANOS_PER_SECOND

FREE_TRIES: Final = {"user": 5, "ip": 20}
FIRST_WAIT_S: Final = 30
LONGEST_WAIT_S: Final = 15 * 60
_FORGET_NS: Final = 3600 * NANOS_PER_SECOND


class LoginThrottle:
    """Counts by subject (``user:ann``, ``ip:192.0.2.1``). Names that nobody has count likewise. Blocks."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def wait_s(self, *subjects: str) -> int:
        """Return how long none of them may try, in whole seconds; 0 when they may."""
        now_ns = self._clock.now_ns()
        query = select(LOGIN_FAILURES.c.locked_until_ns).where(LOGIN_FAILURES.c.subject.in_(subjects))
        with self._database.reading() as connection:
            until_ns = max((row.locked_until_ns for row in connection.execute(query)), default=0)
        return max(0, -((now_ns - until_ns) // NANOS_PER_SECOND))

    def locked_until(self, subject: str) -> int | None:
        """Return until when a subject is locked, ns UTC; None when it is not."""
        query = select(LOGIN_FAILURES.c.locked_until_ns).where(LOGIN_FAILURES.c.subject == subject)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None or row.locked_until_ns <= self._clock.now_ns() else int(row.locked_until_ns)

    def failed(self, *subjects: str) -> bool:
        """Count a failure for each; whether one of them is locked from now on."""
        now_ns = self._clock.now_ns()
        is_locked = False
        with self._database.writing() as connection:
            connection.execute(delete(LOGIN_FAILURES).where(LOGIN_FAILURES.c.last_ns < now_ns - _FORGET_NS))
            for subject in subjects:
                row = connection.execute(select(LOGIN_FAILURES).where(LOGIN_FAILURES.c.subject == subject)).first()
                failures = 1 if row is None else row.failures + 1
                wait_s = _wait_s(failures - FREE_TRIES[subject.partition(":")[0]])
                values = {
                    "failures": failures,
                    "last_ns": now_ns,
                    "locked_until_ns": now_ns + wait_s * NANOS_PER_SECOND if wait_s else 0,
                }
                if row is None:
                    connection.execute(insert(LOGIN_FAILURES).values(subject=subject, **values))
                else:
                    connection.execute(
                        update(LOGIN_FAILURES).where(LOGIN_FAILURES.c.subject == subject).values(**values)
                    )
                is_locked = is_locked or wait_s > 0
        return is_locked

    def succeeded(self, *subjects: str) -> None:
        """Forget the failures of a name that came in; an address keeps its count."""
        with self._database.writing() as connection:
            connection.execute(delete(LOGIN_FAILURES).where(LOGIN_FAILURES.c.subject.in_(subjects)))


def _wait_s(beyond: int) -> int:
    """Half a minute at the last free try, then twice as long each time, up to a quarter of an hour."""
    return 0 if beyond < 0 else min(FIRST_WAIT_S * 2 ** min(beyond, 20), LONGEST_WAIT_S)
