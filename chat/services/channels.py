"""Channels: create, update, join, leave, archive. Direct ones are made in ``directs``."""

from itertools import accumulate
from typing import Any

from flask_babel import lazy_gettext as _l
from mongoengine.errors import NotUniqueError

from chat.auth import permissions
from chat.cache import channels as cache
from chat.cache import members, unread, users
from chat.errors import BadInput, Conflict, Forbidden, Invalid, NotFound
from chat.models import Channel, Membership, Message, base
from chat.models.channel import KINDS, to_channel
from chat.models.user import at_least
from chat.realtime.outgoing import broadcasts
from chat.text import validate

RESERVED = {"new"}
SLUG_TRIES = 50
MOST_CHARACTERS = 250_000  # characters of channels in one answer
OTHER_CHARACTERS = 200  # characters of one channel besides its texts
MOST_FORMER_ADDRESSES = 20  # limited, because every list of channels contains them

can_manage = permissions.can_manage


def list_for(actor: Any, member: bool = False) -> list[dict]:
    """Views of all channels that the actor may see, sorted by name, direct ones last.

    These are the actor's own channels (with ``member`` no others), and all public ones that are
    not archived.
    """
    mine = unread.get_reading(actor.id)
    named = cache.get_named(mine) if member else cache.get_all()
    shown = [
        channel
        for channel in named.values()
        if channel["id"] in mine
        or (channel["kind"] in ("public", "voice") and not channel["archived"])
    ]
    shown += cache.get_many(mine.keys() - named.keys())
    others = [c["id"] for c in shown if c["id"] not in mine]
    last_seqs = unread.last_seqs(others)
    names = users.get_profiles(uid for c in shown for uid in c.get("people", ()))
    views = [_view(actor, c, mine.get(c["id"]), last_seqs.get(c["id"], 0), names) for c in shown]
    return sorted(views, key=lambda v: (v["kind"] == "direct", v["title"].casefold(), v["id"]))


def list_page(actor: Any, after: str = "", member: bool = False) -> dict:
    """{channels, more}: a page of ``list_for``, limited by MOST_CHARACTERS.

    It begins after the channel with the id ``after``. Raises BadInput if that is not in the list.
    """
    views = list_for(actor, member)
    if after:
        places = {view["id"]: place for place, view in enumerate(views, 1)}
        if after not in places:
            raise BadInput()
        views = views[places[after] :]
    sizes = accumulate(map(_size, views))
    page = [view for view, so_far in zip(views, sizes, strict=True) if so_far <= MOST_CHARACTERS]
    return {"channels": page, "more": len(page) < len(views)}


def _size(view: dict) -> int:
    """The approximate number of characters of a view in an answer."""
    texts = (view["slug"], view["name"], view["topic"], view["title"])
    return sum(map(len, texts)) + 30 * len(view.get("people", ())) + OTHER_CHARACTERS


def titled(actor: Any, found: list[dict]) -> list[dict]:
    """These channels with what each is called for the actor."""
    names = users.get_profiles(uid for c in found for uid in c.get("people", ()))
    return [{**channel, "title": _title(actor, channel, names)} for channel in found]


def view_for(actor: Any, channel: dict) -> dict:
    """A channel as this reader sees it: with member, unread, last_seq, last_read_seq and title."""
    mine = unread.get_reading(actor.id, channel["id"]).get(channel["id"])
    last_seq = 0 if mine else unread.last_seq(channel["id"])
    return _view(actor, channel, mine, last_seq, users.get_profiles(channel.get("people", ())))


def create(actor: Any, name: str, topic: str = "", kind: str = "public") -> dict:
    """A new channel with the actor as its first member; its view."""
    if kind not in KINDS or kind == "direct":
        raise Invalid(_l("A channel must be public, private or voice."), field="kind")
    name, topic = validate.check_channel_name(name), validate.check_topic(topic)
    channel = _store(Channel(name=name, topic=topic, kind=kind, created_by=actor.id), name)
    Membership.add(channel["id"], actor.id)
    tell_joined(channel, actor.id)
    broadcasts.channel_changed(channel)
    return view_for(actor, channel)


def update(actor: Any, channel_id: str, name: str | None = None, topic: str | None = None) -> dict:
    """Change name or topic; the view. The last former slugs of a renamed channel still work."""
    channel = permissions.get_channel_for(actor, channel_id)
    permissions.require_manager(actor, channel)
    permissions.require_open(channel)
    fields: dict[str, Any] = {}
    if topic is not None:
        fields["set__topic"] = validate.check_topic(topic)
    if name is not None and validate.check_channel_name(name) != channel["name"]:
        fields["set__name"] = validate.check_channel_name(name)
        _rename(channel, fields)
    elif fields:
        Channel.change(channel_id, **fields)
    return _changed(actor, channel_id)


def archive(actor: Any, channel_id: str, archived: bool = True) -> dict:
    """Close a channel to new messages, or open it again. Nothing is deleted."""
    channel = permissions.get_channel_for(actor, channel_id)
    permissions.require_manager(actor, channel)
    Channel.change(channel_id, set__archived=archived)
    if archived:
        broadcasts.channel_archived(channel_id)
    return _changed(actor, channel_id)


def unarchive(actor: Any, channel_id: str) -> dict:
    """Open an archived channel again."""
    return archive(actor, channel_id, archived=False)


def join(actor: Any, channel_id: str) -> dict:
    """Make the actor a member of a public channel; idempotent. Returns the view."""
    channel = permissions.get_channel_for(actor, channel_id)
    permissions.require_open(channel)
    if channel["kind"] in ("public", "voice"):
        _add(channel, actor.id)
    return view_for(actor, channel)


def leave(actor: Any, channel_id: str) -> None:
    """Remove the actor from a channel. Conflict for a direct channel."""
    channel = permissions.get_channel_for(actor, channel_id)
    if channel["kind"] == "direct":
        raise Conflict(_l("You can't leave a direct conversation."))
    _remove(channel, actor.id)


def add_person(actor: Any, channel_id: str, user_id: str) -> None:
    """Add a person to a public or private channel; the actor must be a member."""
    channel = permissions.get_channel_for(actor, channel_id)
    if channel["kind"] == "direct":
        raise Conflict(_l("To talk to more people, start a new conversation."))
    permissions.require_member(actor, channel)
    permissions.require_open(channel)
    _active_person(user_id)
    _add(channel, user_id)


def remove_person(actor: Any, channel_id: str, user_id: str) -> None:
    """Remove a person from a channel, by a manager of the channel. See also ``leave``."""
    channel = permissions.get_channel_for(actor, channel_id)
    if channel["kind"] == "direct":
        raise Conflict(_l("You can't remove people from a direct conversation."))
    permissions.require_manager(actor, channel)
    person = users.get_profile(user_id)
    if person is None or not members.is_member(channel_id, user_id):
        raise NotFound()
    if not at_least(actor.role, person["role"]) and channel["created_by"] != actor.id:
        raise Forbidden()
    _remove(channel, user_id)


def welcome(person: dict) -> None:
    """Add a new account to the oldest public channel that is not archived."""
    channel = _first()
    if channel:
        _add(channel, person["id"])


def is_first(channel_id: str) -> bool:
    """Whether this is the channel to which new accounts are added."""
    return (_first() or {}).get("id") == channel_id


def _first() -> dict | None:
    opened = (c for c in cache.get_all().values() if c["kind"] == "public" and not c["archived"])
    return min(opened, key=lambda channel: channel["id"], default=None)  # ids begin with the time


def tell_joined(channel: dict, user_id: str) -> None:
    """Tell open pages that a person is a member of a channel now."""
    person = users.get_profile(user_id)
    if person:
        broadcasts.member_joined(channel, person)


def list_person(person: dict, listed: bool = True) -> None:
    """Tell open member lists to show or hide this person; memberships do not change."""
    for channel in cache.get_many(Membership.channel_ids_of(person["id"])):
        if listed:
            broadcasts.member_listed(channel, person)
        else:
            broadcasts.member_unlisted(channel, person["id"])


def _view(
    actor: Any, channel: dict, own: dict | None, last_seq: int, names: dict[str, dict]
) -> dict:
    mine = own or {"last_read_seq": 0, "last_seq": last_seq, "unread": 0}
    return {
        **channel,
        "member": own is not None,
        "title": _title(actor, channel, names),
        **mine,
    }


def _title(actor: Any, channel: dict, names: dict[str, dict]) -> str:
    if channel["kind"] != "direct":
        return channel["name"]
    others = [uid for uid in channel["people"] if uid != actor.id] or [actor.id]
    return ", ".join(sorted(names[uid]["nickname"] for uid in others if uid in names))


def _changed(actor: Any, channel_id: str) -> dict:
    channel = permissions.get_channel_for(actor, channel_id)
    broadcasts.channel_changed(channel)
    return view_for(actor, channel)


def _store(document: Channel, name: str) -> dict:
    """Save under the first free address made from the name: "team", "team-2", ..."""
    for slug in _slugs(name):
        document.slug = slug
        try:
            document.save(force_insert=True)
            return to_channel(document.to_mongo())
        except NotUniqueError:
            base.write_refused.send(Channel, document=document)
    raise Conflict(_l("Too many channels have this name."))


def _rename(channel: dict, fields: dict[str, Any]) -> None:
    if channel["slug"] not in channel["former_slugs"]:
        newest = {"$each": [channel["slug"]], "$slice": -MOST_FORMER_ADDRESSES}
        fields["__raw__"] = {"$push": {"former_slugs": newest}}
    for slug in _slugs(fields["set__name"]):
        try:
            Channel.change(channel["id"], set__slug=slug, **fields)
            return
        except NotUniqueError:
            continue
    raise Conflict(_l("Too many channels have this name."))


def _slugs(name: str) -> list[str]:
    stem = validate.slugify(name)
    first = [] if stem in RESERVED or stem.startswith("dm-") else [stem]
    return first + [f"{stem[:70]}-{n}".removeprefix("dm-") for n in range(2, SLUG_TRIES)]


def _active_person(user_id: str) -> dict:
    person = users.get_profile(user_id)
    if person is None or not person["active"]:
        raise NotFound(_l("There is no such person."))
    return person


def _add(channel: dict, user_id: str) -> None:
    seq, _rev = Message.last_numbers(channel["id"])
    if Membership.add(channel["id"], user_id, last_read_seq=seq):
        tell_joined(channel, user_id)


def _remove(channel: dict, user_id: str) -> None:
    if Membership.remove(channel["id"], user_id):
        broadcasts.member_left(channel, user_id)
        if channel["kind"] == "private":
            broadcasts.channel_removed(channel["id"], [user_id])
