"""Changes a message in one atomic update, which also takes the channel's next ``rev``.

One MongoDB update sets fields, adds or removes list elements, and sets the number of the change
(``chat.models.message``). So simultaneous changes of two processes are both kept. The conditions of
a change are part of the update, as a guard; to read first and write afterwards would be a race.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, NamedTuple

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from chat.errors import Unavailable
from chat.models import base
from chat.models.message import SHOWN, TRIES, Message, lock, numbers, to_message
from chat.request.concurrency import PATIENCE, Busy, turns

TAKEN_KEPT = 500  # far more changes of one message than there can be while a hint is believed

Operators = dict[str, dict[str, Any]]  # MongoDB's: {"$set": {field: value}, "$addToSet": ...}


class Outcome(NamedTuple):
    """The result of a change, and the current message (None if there is none).

    ``refused``: the guard did not hold. A deleted message is never changed.
    """

    kind: Literal["changed", "missing", "deleted", "refused"]
    message: dict | None

    @property
    def is_changed(self) -> bool:
        """Whether the message now is what the change made of it."""
        return self.kind == "changed"


def change(message: dict, update: Operators, guard: dict[str, Any] | None = None) -> Outcome:
    """Apply operators to a message, if it is not deleted and the guard (a query) matches.

    Raises Unavailable if too many others change messages of the channel, and any error after which
    it is unknown whether the message was changed.
    """
    channel, oid = ObjectId(message["channel"]), ObjectId(message["id"])
    document = Message(id=oid, channel=channel)
    document.touched = frozenset(
        path.partition(".")[0] for fields in update.values() for path in fields
    )
    with _alone_in(channel), base.announced(document):
        outcome = _changed(channel, oid, update, guard or {})
        document.refused = not outcome.is_changed
        if outcome.is_changed and outcome.message:
            document.together = [outcome.message]
    return outcome


@contextmanager
def _alone_in(channel: ObjectId) -> Iterator[None]:
    """Hold the lock of a channel. Those who wait for it have no turn: they keep nobody waiting.

    A burst of reactions to one message would take all turns of the process otherwise.
    """
    with ExitStack() as held:
        try:
            held.enter_context(turns.alone(lock(channel), PATIENCE))
        except Busy:
            raise Unavailable from None
        yield


def _changed(channel: ObjectId, oid: ObjectId, update: Operators, guard: dict[str, Any]) -> Outcome:
    for _ in range(TRIES):
        seq, rev = numbers(channel)
        query = {"_id": oid, "deleted": False, "rev": {"$lte": rev}, "$and": [guard]}
        try:
            row = Message._get_collection().find_one_and_update(
                query, _numbered(update, rev + 1), SHOWN, return_document=True
            )
        except DuplicateKeyError:
            base.NUMBERS.forget(channel)
            continue
        if row is not None:
            base.NUMBERS.learn(channel, seq, rev + 1)
            return Outcome("changed", to_message(row))
        if reason := _why_not(oid, rev):
            return reason
        base.NUMBERS.forget(channel)
    raise RuntimeError("no free number in the channel")


def _numbered(update: Operators, rev: int) -> Operators:
    """The operators that also set this rev and add it to ``taken`` (``chat.models.message``)."""
    taken = {"$each": [rev], "$slice": -TAKEN_KEPT}
    return update | {
        "$set": {**update.get("$set", {}), "rev": rev},
        "$push": {**update.get("$push", {}), "taken": taken},
    }


def _why_not(oid: ObjectId, rev: int) -> Outcome | None:
    """Why nothing matched; None if it was changed under a greater number than we knew of.

    It is asked afterwards and still right: a message is never undeleted, and its rev only grows.
    """
    row = Message._get_collection().find_one({"_id": oid}, SHOWN)
    if row is None:
        return Outcome("missing", None)
    if row["deleted"]:
        return Outcome("deleted", to_message(row))
    return Outcome("refused", to_message(row)) if row["rev"] <= rev else None
