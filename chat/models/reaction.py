"""Reactions of people to messages, with emoji.

They are stored in the message, one element for each person and emoji, in the order of arrival. So
adding or removing one is an atomic change of the message (``chat.models.message_change``).
"""

from collections.abc import Iterable
from typing import Any

from bson import ObjectId

MOST_KINDS = 20  # different emoji on one message
MOST = 500  # reactions on one message

Change = tuple[
    dict[str, dict[str, Any]], dict[str, Any]
]  # operators and guard, for ``update.change``

_KINDS = {"$size": {"$setUnion": [{"$ifNull": ["$reactions.emoji", []]}, []]}}


def adding(emoji: str, user_id: str) -> Change:
    """(the change, its guard). Refused if the reaction exists or there are too many."""
    element = {"emoji": emoji, "user": ObjectId(user_id)}
    guard = {
        "reactions": {"$not": {"$elemMatch": element}},
        f"reactions.{MOST - 1}": {"$exists": False},
        "$or": [{"reactions.emoji": emoji}, {"$expr": {"$lt": [_KINDS, MOST_KINDS]}}],
    }
    return {"$addToSet": {"reactions": element}}, guard


def removing(emoji: str, user_id: str) -> Change:
    """(the change, its guard). Refused if the reaction does not exist."""
    element = {"emoji": emoji, "user": ObjectId(user_id)}
    return {"$pull": {"reactions": element}}, {"reactions": {"$elemMatch": element}}


def grouped(elements: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The plain form: ``{emoji, count, users}`` for each emoji, the first one used first."""
    found: dict[str, list[str]] = {}
    for element in elements:
        found.setdefault(element["emoji"], []).append(str(element["user"]))
    return [{"emoji": emoji, "count": len(users), "users": users} for emoji, users in found.items()]
