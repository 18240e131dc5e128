"""The session object of one browser."""

from datetime import datetime

from flask_session.base import ServerSideSession


class BrowserSession(ServerSideSession):
    """A session of a browser. An empty one is not stored."""

    stored = False  # whether MongoDB has it
    since: datetime | None = None  # the log-in time of the session that it replaces
    degraded = False  # whether its data could not be loaded

    def clear(self) -> None:
        """Delete all data, also the entry that the base class would keep."""
        for name in list(self):
            del self[name]
