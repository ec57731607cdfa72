"""Passwords as argon2id hashes; at most a few are reckoned at once, for each takes 64 MiB and tens of milliseconds."""

import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST_LENGTH: Final = 12
_AT_ONCE: Final = 2
_SLOTS: Final = threading.BoundedSemaphore(_AT_ONCE)


class Passwords:
    """Makes and checks hashes. Blocks: call it in a thread."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        # What an unknown name is checked against, so that it takes as long as a known one.
        self._nobody = self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """Return the hash to keep."""
        with _SLOTS:
            return self._hasher.hash(password)

    def fits(self, kept: str | None, password: str) -> bool:
        """Return whether a password belongs to a hash; None is nobody's, and takes as long."""
        with _SLOTS:
            try:
                self._hasher.verify(self._nobody if kept is None else kept, password)
            except (VerificationError, InvalidHashError):
                return False
            return kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Return whether a hash was made with weaker parameters than those of now."""
        return self._hasher.check_needs_rehash(kept)
