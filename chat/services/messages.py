"""Messages: post, edit, delete, read, mark as read (R30)."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask_babel import lazy_gettext as _l

from chat.auth import permissions
from chat.cache import announced_early, newest_rev, read_through
from chat.cache import messages as cache
from chat.cache import unread as unread_counts
from chat.cache.process_copies import Made
from chat.errors import BadInput, Forbidden, NotFound
from chat.models import Membership, Message, base, message_change, message_insert
from chat.models.message import fitting, size_of
from chat.models.user import at_least
from chat.protocol import HISTORY_PAGE
from chat.realtime.outgoing import broadcasts
from chat.services import emoji
from chat.text import markdown, validate

T = TypeVar("T")
MOST_NEWEST = cache.MOST
MOST_IN_PAGE = 100
MOST_CHANGES = 200
MOST_COUNTED = 1000

LONGEST_MADE = 150_000  # bytes of an encoded answer; longer ones are not cached

_made: Made[Any] = Made(300, lambda made: len(made.body) <= LONGEST_MADE)
_changes: Made[tuple[list[dict], bool]] = Made(
    100, lambda made: sum(map(size_of, made[0])) <= LONGEST_MADE
)
_first_unread: Made[tuple[dict | None, int]] = Made(300)


def post(actor: Any, channel_id: str, body: str, client_id: str) -> tuple[dict, bool]:
    """Store and deliver a message once: (message, True), or (the stored one, False) if sent before.

    Raises NotFound, Forbidden (not a member), Conflict (archived, or all others of a direct channel
    are deactivated), Invalid(field=text), BadInput (``client_id`` used in another channel).
    """
    channel = permissions.get_channel_for(actor, channel_id)
    permissions.require_member(actor, channel)
    permissions.require_open(channel)
    permissions.require_reachable(actor, channel)
    read_through.look_again()
    body, client_id = validate.check_message(body), validate.check_client_id(client_id)
    html, announced = markdown.render(body), announced_early.take(channel_id)
    message, created = message_insert.post(
        channel_id, actor.id, actor.nickname, body, html, client_id, announced=announced
    )
    if message["channel"] != channel_id:
        raise BadInput(_l("This client_id was used in another channel."))
    if created:
        emoji.note(body)
        broadcasts.message_created(message)
    elif not message["deleted"]:
        # The process that stored it may have died before it could announce it. Browsers that have
        # the message ignore the event.
        broadcasts.message_changed(message)
    return message, created


def get(actor: Any, message_id: str) -> dict:
    """One message that is not deleted, from a channel that the actor may read; else NotFound."""
    return permissions.get_message_for(actor, message_id)


def edit(actor: Any, message_id: str, body: str) -> dict:
    """Edit a message of the actor; it is marked as edited."""
    message = permissions.get_message_for(actor, message_id)
    if message["author"]["id"] != actor.id:
        raise Forbidden(_l("Only the author can edit a message."))
    permissions.require_open(permissions.get_channel_for(actor, message["channel"]))
    body = validate.check_message(body)
    if body == message["text"]:
        return message
    written = {"text": body, "html": markdown.render(body), "edited_at": base.now()}
    changed = _changed(message, {"$set": written})
    broadcasts.message_changed(changed)
    return changed


def delete(actor: Any, message_id: str) -> dict:
    """Delete the text of a message; a placeholder stays. For the author and moderators."""
    message = permissions.get_message_for(actor, message_id)
    if message["author"]["id"] != actor.id and not at_least(actor.role, "moderator"):
        raise Forbidden(_l("Only the author or a moderator can delete a message."))
    blank: dict[str, Any] = {
        "text": "",
        "html": "",
        "edited_at": None,
        "deleted": True,
        "reactions": [],
    }
    changed = _changed(message, {"$set": blank})
    broadcasts.message_deleted(changed)
    return changed


def _changed(message: dict, operators: message_change.Operators) -> dict:
    """The message after the change; NotFound if it is gone by now."""
    outcome = message_change.change(message, operators)
    if not outcome.is_changed or outcome.message is None:
        raise NotFound()
    return outcome.message


def history(
    actor: Any,
    channel_id: str,
    before: int | None = None,
    after: int | None = None,
    limit: int = HISTORY_PAGE,
) -> tuple[list[dict], bool]:
    """(messages, whether there are more), oldest first.

    The newest messages, or those before or after a seq (exclusive).
    """
    permissions.get_channel_for(actor, channel_id)
    limit = max(1, min(limit, MOST_IN_PAGE))
    if before is None and after is None and limit <= MOST_NEWEST:
        return _newest(cache.get_recent(channel_id), limit)
    return Message.page(channel_id, before, after, limit)


def newest_as(
    make: Callable[[list[dict], bool], T], actor: Any, channel_id: str, limit: int = HISTORY_PAGE
) -> T:
    """The result of ``make(messages, more)`` for the newest messages (at most 50).

    It is cached while the messages are the same, and shared by all readers.
    """
    permissions.get_channel_for(actor, channel_id)
    found = cache.look(channel_id)
    return _made.get(  # type: ignore[no-any-return]
        (make, channel_id, limit), (found.version,), lambda: make(*_newest(found.value, limit))
    )


def _newest(recent: list[dict], limit: int) -> tuple[list[dict], bool]:
    """The newest of these; the first message of a channel is in its stream (``Message``)."""
    page = fitting(reversed(recent), limit)[0][::-1]
    return page, bool(page) and page[0]["seq"] > 1


def newest(actor: Any, channel_id: str, limit: int = HISTORY_PAGE) -> tuple[list[dict], bool, int]:
    """(the newest messages, oldest first; whether there are more; the rev they are complete to).

    Revs become visible in order, and the cached list never contains a change without the earlier
    ones (``chat.cache.fence.scripts``). So these messages contain all their changes up to that rev.
    """
    found, more = history(actor, channel_id, limit=limit)
    return found, more, max((message["rev"] for message in found), default=0)


def around(
    actor: Any, channel_id: str, seq: int, limit: int = HISTORY_PAGE
) -> tuple[list[dict], bool, bool]:
    """(messages around a seq, more before?, more after?), for a link to an old message."""
    permissions.get_channel_for(actor, channel_id)
    older, more_before = Message.page(channel_id, seq, None, limit // 2)
    newer, more_after = Message.page(channel_id, None, seq - 1, limit - limit // 2)
    return older + newer, more_before, more_after


def changes(
    actor: Any, channel_id: str, after: int = 0, rev: int | None = None, limit: int = MOST_CHANGES
) -> tuple[list[dict], bool]:
    """(messages posted, edited or deleted since, in the order of change; whether there are more).

    ``rev``: the greatest change number that the caller has. A caller that knows only a seq
    (``after``) gets all changes since that message was posted. Who has the newest number costs no
    query, and those who miss the same share one.
    """
    permissions.get_channel_for(actor, channel_id)
    known = newest_rev.get(channel_id) if rev is not None else None
    if known and rev is not None and rev >= known[1]:
        return [], False
    since = Message.first_rev_at(channel_id, after) if rev is None else rev
    limit = min(limit, MOST_CHANGES)
    return _changes.get(
        (channel_id, since, limit),
        (known and known[0],),
        lambda: Message.changed_since(channel_id, since, limit),
    )


def last_numbers(actor: Any, channel_id: str) -> tuple[int, int]:
    """The channel's last (seq, rev)."""
    permissions.get_channel_for(actor, channel_id)
    return Message.last_numbers(channel_id)


def mark_read(actor: Any, channel_id: str, seq: int) -> int:
    """Mark all messages up to ``seq`` as read; the number of messages that are still unread."""
    channel = permissions.get_channel_for(actor, channel_id)
    permissions.require_member(actor, channel)
    wanted = max(0, min(seq, unread_counts.last_seq(channel_id)))
    moved = unread_counts.get_marks(actor.id).get(channel_id, 0) < wanted and Membership.read_up_to(
        channel_id, actor.id, wanted
    )
    if moved:
        read_through.look_again()
    mine = unread_counts.get_reading(actor.id, channel_id).get(channel_id)
    if mine is None:  # the actor has left the channel meanwhile
        return 0
    if moved:
        broadcasts.unread_changed(actor.id, channel_id, mine["unread"], mine["last_seq"])
    left: int = mine["unread"]
    return left


def first_unread(actor: Any, channel_id: str, last_read: int) -> tuple[dict | None, int]:
    """(the first unread message of other people or None, the count of these, at most MOST_COUNTED).

    Reads MongoDB and caches the result until the channel changes; for people who are far behind.
    """
    permissions.get_channel_for(actor, channel_id)
    return _first_unread.get(
        (channel_id, actor.id),
        (unread_counts.tail_version(channel_id), last_read),
        lambda: Message.first_of_others(channel_id, actor.id, last_read, MOST_COUNTED),
    )


def unread(actor: Any, channel_id: str) -> int:
    """The number of messages of other people that the actor has not read, at most 100."""
    mine = unread_counts.get_reading(actor.id, channel_id).get(channel_id)
    return mine["unread"] if mine else 0
