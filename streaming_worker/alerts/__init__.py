"""Alerts: what is wrong is raised once, sent to people through channels, and resolved when it is over.

Every process of the platform may raise, resolve, deliver and read; they meet in one SQLite file, ``state/alerts.db``.
``AlertDesk`` is the way in, ``history`` the way to read it, ``catalogue`` says which alerts there are.
"""

from streaming_worker.alerts.alert import Alert, Severity
from streaming_worker.alerts.desk import AlertDesk, open_desk
from streaming_worker.alerts.history import AlertHistory, AlertRow, DeliveryRow

__all__ = ["Alert", "AlertDesk", "AlertHistory", "AlertRow", "DeliveryRow", "Severity", "open_desk"]
