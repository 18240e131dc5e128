"""Direct channels: each belongs to a fixed group of people and is made when they first talk."""

from typing import Any

from bson import ObjectId
from flask_babel import lazy_gettext as _l
from mongoengine.errors import NotUniqueError

from chat.cache import members, users
from chat.errors import Conflict, Invalid, NotFound
from chat.models import Channel, Membership, User, base
from chat.models.channel import to_channel
from chat.realtime.outgoing import broadcasts
from chat.services import channels
from chat.text import validate

MOST_PEOPLE = 8


def find_direct(actor: Any, nickname: str) -> tuple[dict, dict | None]:
    """(the other person's profile, the view of the direct channel with them or None)."""
    row = User.by_nickname(validate.nickname_key(nickname))
    if row is None:
        raise NotFound()
    person = users.get_profile(str(row["_id"])) or {}
    channel = Channel.find_direct(_people_key({actor.id, person["id"]}))
    view = channels.view_for(actor, channel) if channel else None
    return person, view if view and view["member"] else None  # only half made


def open_direct(actor: Any, user_ids: list[str]) -> dict:
    """The direct channel of the actor and these people, made if there is none; its view."""
    people = {actor.id, *user_ids}
    if len(people) > MOST_PEOPLE:
        raise Invalid(_l("A direct conversation can have up to 8 people."), field="users")
    if not all(base.object_id(person) for person in people):
        raise NotFound(_l("There is no such person."))
    channel = Channel.find_direct(_people_key(people))
    if channel is None:
        found = users.get_profiles(people)
        if people - found.keys():
            raise NotFound(_l("There is no such person."))
        if not all(person["active"] for person in found.values()):
            raise Conflict(_l("This account has been deactivated."))
        channel = _store(actor, people)
    elif not people <= members.get_members(channel["id"]):
        _let_in(channel, people)  # its creation was interrupted or is in progress
    return channels.view_for(actor, channel)


def _store(actor: Any, people: set[str]) -> dict:
    channel_id = ObjectId()
    document = Channel(
        id=channel_id,
        slug=f"dm-{channel_id}",
        kind="direct",
        created_by=actor.id,
        people=sorted(map(ObjectId, people)),
        people_key=_people_key(people),
    )
    try:
        document.save(force_insert=True)
        channel = to_channel(document.to_mongo())
    except NotUniqueError:  # the other person created it first
        base.write_refused.send(Channel, document=document)
        channel = Channel.find_direct(_people_key(people)) or {}
    _let_in(channel, people)
    return channel


def _let_in(channel: dict, people: set[str]) -> None:
    for user_id in people:
        if Membership.add(channel["id"], user_id):
            channels.tell_joined(channel, user_id)
    broadcasts.channel_changed(channel)


def _people_key(people: set[str]) -> str:
    return ",".join(sorted(people))
