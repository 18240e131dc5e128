"""Counts and times the commands to MongoDB, by collection and command."""

from pymongo import monitoring

from chat.telemetry import registry
from chat.telemetry.metric_types import Labels, Switch

VERBS = frozenset(
    ("find", "aggregate", "insert", "update", "delete", "findAndModify", "count", "distinct",
     "getMore", "createIndexes", "listIndexes", "ping", "commitTransaction", "abortTransaction",
     "killCursors", "endSessions")
)  # fmt: skip
MOST_UNDER_WAY = 1_000  # commands without an answer must not use memory for ever

_collections: set[str] = set()


def learn(collections: set[str]) -> None:
    """Register collections; all others get the label "other"."""
    _collections.update(collections)


class CommandTimer(monitoring.CommandListener):
    """Times the commands; for ``models.init_app``.

    The collection is named when a command starts, the duration when it ends.
    """

    def __init__(self) -> None:
        self._under_way: dict[int, Labels] = {}

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if not Switch.on:
            return
        verb, command = event.command_name, event.command
        target = command.get("collection") if verb == "getMore" else command.get(verb)
        if isinstance(target, str) and verb != "ping":
            collection = target if target in _collections else "other"
        else:
            collection = "(none)"
        if len(self._under_way) >= MOST_UNDER_WAY:
            self._under_way.clear()
        self._under_way[event.request_id] = collection, verb if verb in VERBS else "other"

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        labels = self._under_way.pop(event.request_id, None)
        if labels:
            registry.MONGO_CALLS.observe(event.duration_micros / 1e6, *labels)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        labels = self._under_way.pop(event.request_id, None)
        if labels:
            registry.MONGO_CALLS.observe(event.duration_micros / 1e6, *labels)
            registry.MONGO_FAILURES.inc(*labels)
