"""A big team, stored in bulk as plain documents before an app is started.

Each document is a copy of what the product's model makes, with other ids, names and numbers, so a
field that is added to a model is here too. Writes are not ordered and wait for no journal, and the
indexes of the messages come last: a million of them take about half a minute.

Half of all messages are in the first channel, to which everybody belongs; the other channels share
the rest. Everybody belongs to some more, to the first of them rather than to the last (Zipf).
"""

import random
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, islice
from threading import Lock
from typing import Any

from bson import ObjectId
from flask import Flask
from pymongo import WriteConcern
from pymongo.collection import Collection

from app import create_app
from benchmarks.team import TEXTS, Member
from chat import models
from chat.auth.sessions import ids as session_ids
from chat.auth.sessions import store as session_store
from chat.models import Channel, Membership, Message, Session, Site, User, base
from chat.text import markdown
from chat.text.validate import nickname_key
from tests.support.processes import SECRET_KEY

BATCH, AT_ONCE = 5_000, 2
SPOKEN = 200  # how many different people have written
APART = timedelta(seconds=20)
QUICK_WRITES = WriteConcern(w=1, j=False)


@dataclass(frozen=True)
class Size:
    """How much there is. ``each``: channels a person belongs to; ``readers``: have a session."""

    people: int
    channels: int
    messages: int
    each: int = 10
    readers: int = 100


@dataclass(frozen=True)
class Place:
    """A channel and what it has."""

    id: str
    slug: str
    messages: int


@dataclass(frozen=True)
class Masses:
    """What was stored: who is signed in, every channel, the first one first, and for each person
    the numbers of the channels that they belong to."""

    size: Size
    people: list[ObjectId]
    members: list[Member]
    places: list[Place]
    belong: list[set[int]]


def store(uri: str, size: Size) -> Masses:
    """Fill an unused database."""
    app = create_app(
        {"TESTING": True, "SECRET_KEY": SECRET_KEY, "MONGODB_URI": uri, "DISABLE_REDIS": True}
    )
    with app.app_context():
        for document in (User, Channel, Membership, Session):
            document.ensure_indexes()
        people = [ObjectId() for _ in range(size.people)]
        ids = [ObjectId() for _ in range(size.channels)]
        counts = _shares(size)
        _insert(User, _people(people))
        Site._get_collection().insert_one(Site(name="Benchmark", owner=people[0]).to_mongo())
        _insert(Channel, _channels(ids, people[0]))
        belong = _belong(size)
        _insert(Membership, _memberships(people, ids, belong))
        _insert(Message, _messages(ids, counts, people))
        models.ensure_indexes()
        members = _sign_in(app, people[: size.readers])
    places = [
        Place(str(cid), f"room-{n}", count)
        for n, (cid, count) in enumerate(zip(ids, counts, strict=True))
    ]
    return Masses(size, people, members, places, belong)


def zipf(count: int) -> list[float]:
    """Cumulated weights: the n-th is chosen 1/n as often as the first."""
    return list(accumulate(1 / n for n in range(1, count + 1)))


def nickname(number: int) -> str:
    """What the person with this number is called."""
    return f"person-{number:06d}"


def _shares(size: Size) -> list[int]:
    """How many messages each channel has."""
    first = size.messages // 2 if size.channels > 1 else size.messages
    others = size.channels - 1
    left = size.messages - first
    return [first] + [left // others + (n < left % others) for n in range(others)]


def _insert(document: Any, rows: Iterator[dict[str, Any]]) -> None:
    """All of them, some batches at once: while one is being stored another one is made."""
    collection: Collection = document._get_collection().with_options(write_concern=QUICK_WRITES)

    def work() -> None:
        while batch := next(batches, None):
            collection.insert_many(batch, ordered=False)

    batches = _Batches(rows)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(work) for _ in range(AT_ONCE)]:
            done.result()


class _Batches:
    """Lists of rows, for several threads."""

    def __init__(self, rows: Iterator[dict[str, Any]]) -> None:
        self._rows, self._lock = rows, Lock()

    def __iter__(self) -> "_Batches":
        return self

    def __next__(self) -> list[dict[str, Any]]:
        with self._lock:
            if batch := list(islice(self._rows, BATCH)):
                return batch
        raise StopIteration


def _people(ids: list[ObjectId]) -> Iterator[dict[str, Any]]:
    """One after the other became active, seconds apart; every third one says something."""
    like = dict(User(nickname="x", nickname_key="x", password_hash="-").to_mongo())
    now = base.now()
    for number, oid in enumerate(ids):
        yield like | {
            "_id": oid,
            "nickname": nickname(number),
            "nickname_key": nickname_key(nickname(number)),
            "role": "member" if number else "owner",
            "status": "" if number % 3 else "at work",
            "last_active": now - timedelta(seconds=number),
        }


def _channels(ids: list[ObjectId], owner: ObjectId) -> Iterator[dict[str, Any]]:
    like = dict(Channel(kind="public", topic="What we talk about here").to_mongo())
    for n, oid in enumerate(ids):
        yield like | {"_id": oid, "slug": f"room-{n}", "name": f"room {n}", "created_by": owner}


def _belong(size: Size) -> list[set[int]]:
    chance, others = random.Random(1), range(1, size.channels)
    weights, each = zipf(len(others)), size.each if others else 0
    return [
        {0, *(chance.choices(others, cum_weights=weights, k=each) if each else ())}
        for _ in range(size.people)
    ]


def _memberships(
    people: list[ObjectId], channels: list[ObjectId], belong: list[set[int]]
) -> Iterator[dict[str, Any]]:
    like = dict(Membership().to_mongo())
    for person, numbers in zip(people, belong, strict=True):
        for number in numbers:
            yield like | {"channel": channels[number], "user": person}


def _messages(
    channels: list[ObjectId], counts: list[int], people: list[ObjectId]
) -> Iterator[dict[str, Any]]:
    like = dict(Message(deleted=False).to_mongo())
    rendered = [(text, markdown.render(text)) for text in TEXTS]
    spoken = people[:SPOKEN]
    for channel, count in zip(channels, counts, strict=True):
        began = base.now() - APART * count
        for seq in range(1, count + 1):
            (text, html), author = rendered[seq % len(rendered)], seq // 3 % len(spoken)
            yield like | {
                "channel": channel, "seq": seq, "rev": seq, "first_rev": seq, "taken": [seq],
                "author": spoken[author], "author_nickname": nickname(author),
                "text": text, "html": html, "client_id": f"seed-{channel}-{seq}",
                "created_at": _at(began, seq),
            }  # fmt: skip


def _at(began: datetime, seq: int) -> datetime:
    return began + APART * seq


def _sign_in(app: Flask, people: list[ObjectId]) -> list[Member]:
    """Sessions as `session_store.write` makes them."""
    until = base.now() + timedelta(seconds=app.config["TTL_SESSIONS"])
    members, rows = [], []
    for number, oid in enumerate(people):
        sid, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        data = {
            "userId": str(oid), "nickname": nickname(number),
            "role": "member" if number else "owner", "csrfToken": csrf, "auth_gen": 1,
        }  # fmt: skip
        rows.append({
            "_id": session_ids.sid_hash(sid), "data": session_store.encode(data),
            "user": str(oid), "sealed": session_ids.seal(sid), "expires_at": until,
        })  # fmt: skip
        members.append(Member(str(oid), sid, csrf))
    _insert(Session, iter(rows))
    return members
