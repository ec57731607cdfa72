"""Roles and scopes: who may do what, and what a key may be used for."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a user may do; each includes the ones before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Return whether this role may do what ``other`` may."""
        return _ORDER[self] >= _ORDER[other]


_ORDER: Final = {role: rank for rank, role in enumerate(Role)}


class Scope(StrEnum):
    """What a key may be used for, within its owner's role."""

    READ = "read"
    EXPORT = "export"
    METRICS = "metrics"
    CONTROL = "control"
    ADMIN = "admin"


SCOPE_OF_ROLE: Final = {Role.VIEWER: Scope.READ, Role.OPERATOR: Scope.CONTROL, Role.ADMIN: Scope.ADMIN}
"""The scope that a route needs where it names none of its own."""
