"""A team: people who are signed in, one channel with all of them, some more, a history.

Stored by the product's own models, people and memberships in bulk, before the app starts. Passwords
are not needed, because the sessions are made here too.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask

from app import create_app
from chat import models
from chat.auth.sessions import store as session_store
from chat.models import Channel, Membership, Message, Site, User, base, message_insert
from chat.text import markdown
from chat.text.validate import nickname_key
from tests.support.processes import SECRET_KEY

# What people write: short, now and then with formatting, a link or some lines of code.
TEXTS = (
    "Good morning! Who can look at the build with me?",
    "I have **found it**: the cache was read before it was filled, see `cache/through.py`.",
    "Here is what I propose for the next two weeks: first the search, then the settings page, "
    "and when both are in, a release. Objections until *Thursday*, please.",
    "Thanks 🎉",
    "The numbers are at https://example.org/reports/weekly - better than last week's.",
    "- tickets\n- invoices\n- the talk on Friday",
    "```python\nfor name in names:\n    print(name)\n```",
    "> Objections until Thursday\n\nNone from me.",
)


MINUTES_APART = timedelta(minutes=2)


@dataclass(frozen=True)
class Member:
    """Somebody who is signed in: what a request and a socket have to show."""

    id: str
    sid: str
    csrf: str

    @property
    def cookie(self) -> str:
        return f"session={self.sid}"


@dataclass(frozen=True)
class Team:
    """Who is there, and where everybody talks."""

    members: list[Member]
    channel: str
    slug: str


def store(uri: str, people: int, in_channel: int, channels: int = 10, history: int = 200) -> Team:
    """Fill an unused database. Redis stays empty: the app fills it as it is used."""
    app = create_app(
        {"TESTING": True, "SECRET_KEY": SECRET_KEY, "MONGODB_URI": uri, "DISABLE_REDIS": True}
    )
    with app.app_context():
        models.ensure_indexes()
        users = _people(people)
        places = _channels(users[0], channels)
        _memberships(users[:in_channel], places[:1])
        _memberships(users[:1], places[1:])
        for place in places:
            _history(place, users, history if place is places[0] else 20)
        members = [_signed_in(app, user) for user in users]
    return Team(members, str(places[0].id), places[0].slug)


def _people(count: int) -> list[User]:
    names = [f"person-{number:04d}" for number in range(count)]
    users = [
        User(id=base.ObjectId(), nickname=name, nickname_key=nickname_key(name), password_hash="-",
             role="member", status="at work" if number % 3 == 0 else "")
        for number, name in enumerate(names)
    ]  # fmt: skip
    users[0].role = "owner"
    User._get_collection().insert_many([user.to_mongo() for user in users])
    site = Site(name="Benchmark", owner=users[0].id)
    Site._get_collection().insert_one(site.to_mongo())
    return users


def _channels(owner: User, count: int) -> list[Channel]:
    channels = [
        Channel(id=base.ObjectId(), slug=f"room-{n}", name=f"room {n}", kind="public",
                topic="What we talk about here", created_by=owner.id)
        for n in range(count)
    ]  # fmt: skip
    Channel._get_collection().insert_many([channel.to_mongo() for channel in channels])
    return channels


def _memberships(users: list[User], channels: list[Channel]) -> None:
    rows = [Membership(channel=c.id, user=u.id).to_mongo() for c in channels for u in users]
    if rows:
        Membership._get_collection().insert_many(rows)


def _history(channel: Channel, users: list[User], count: int) -> None:
    """Messages two minutes apart, by a few people in turn, the last one just now."""
    rendered = [(text, markdown.render(text)) for text in TEXTS]
    for seq in range(1, count + 1):
        author, (text, html) = users[seq // 3 % min(10, len(users))], rendered[seq % len(TEXTS)]
        message_insert.post(
            str(channel.id), str(author.id), author.nickname, text, html, f"seed-{channel.id}-{seq}"
        )
    began, apart = base.now() - MINUTES_APART * count, MINUTES_APART / timedelta(milliseconds=1)
    moment = {"$add": [began, {"$multiply": ["$seq", apart]}]}
    Message._get_collection().update_many(
        {"channel": channel.id}, [{"$set": {"created_at": moment}}]
    )


def _signed_in(app: Flask, user: User) -> Member:
    sid, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    data = {
        "userId": str(user.id), "nickname": user.nickname, "role": user.role,
        "csrfToken": csrf, "auth_gen": user.auth_gen,
    }  # fmt: skip
    session_store.write(sid, data, new=True)
    return Member(str(user.id), sid, csrf)
