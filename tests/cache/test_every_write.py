"""After each kind of write with warm caches, Redis holds what MongoDB holds."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from app import create_app
from chat import models, services
from chat.auth.account import Account
from chat.cache import invalidation
from chat.errors import ChatError
from chat.models import Channel, User, base, message_change, message_insert
from chat.services import (
    accounts,
    activity,
    channels,
    directs,
    emoji,
    invites,
    messages,
    reactions,
    site,
    system_messages,
    tokens,
    users,
)
from tests.cache import stored
from tests.support.emptied import empty_redis
from tests.support.processes import SECRET_KEY, new_database
from tests.support.servers import IN_PROCESS

PASSWORD = "long password 1"
READS = {
    "accounts": "is_set_up authenticate confirm_password right_to_register list_accounts "
    "get_account",
    # What list_person and tell_joined tell changes no membership.
    "channels": "list_for list_page titled view_for is_first list_person tell_joined",
    "directory": "find",
    "directs": "find_direct",
    "emoji": "counts",
    "invites": "list_invites is_valid",
    "messages": "get history newest newest_as around changes last_numbers unread first_unread",
    "users": "list_people list_people_as get_person get_people get_by_nickname members_of "
    "online_people",
    "pages": "place cut",
    "places": "find",
    "sidebar": "of last_used",
    "site": "get_site check_name",
    "system_messages": "site_language",
    "tokens": "list_tokens",
    # These write nothing that is cached; they empty what is (tests/rollout, tests/monitoring).
    "rollout": "change reset kill killed back command overview entries",
    "controls": "empty start_drill stop_drill entries",
}


def post(w, text="something new", by="olga", channel="general", n=[0]):  # noqa: B006 - a counter
    n[0] += 1
    return messages.post(w.people[by], w.channels[channel], text, f"write-{n[0]:06}")[0]


def noted(w):
    """Activity and emoji are noted first and written by the next batch."""
    activity.touch(w.people["boris"].id)
    emoji.note("🎉🎉")


def flush_activity(w):
    activity.touch(w.people["boris"].id)
    activity.flush()


def flush_emoji(w):
    emoji.note("🎉🎉👍")
    emoji.flush()


def set_up(w):
    accounts.set_up("Another", "zoya", PASSWORD)


WRITES: dict[str, Callable[[Any], Any]] = {
    "accounts.set_up": set_up,
    "accounts.register": lambda w: accounts.register("newcomer", PASSWORD, w.invite),
    "accounts.end_other_sessions": lambda w: accounts.end_other_sessions(w.olga),
    "accounts.change_password": lambda w: accounts.change_password(
        w.people["boris"], PASSWORD, "another password"
    ),
    "accounts.update_settings": lambda w: accounts.update_settings(
        w.people["boris"], locale="ru", theme="dark", status="away"
    ),
    "accounts.set_role": lambda w: accounts.set_role(w.olga, w.people["boris"].id, "admin"),
    "accounts.deactivate": lambda w: accounts.deactivate(w.olga, w.people["boris"].id),
    "accounts.reactivate": lambda w: accounts.reactivate(w.olga, w.people["gone"].id),
    "activity.touch": noted,
    "activity.flush": flush_activity,
    "channels.create": lambda w: channels.create(w.people["boris"], "New", kind="private"),
    "channels.update": lambda w: channels.update(
        w.olga, w.channels["general"], name="Renamed", topic="described"
    ),
    "channels.archive": lambda w: channels.archive(w.olga, w.channels["private"]),
    "channels.unarchive": lambda w: channels.unarchive(w.olga, w.channels["archived"]),
    "channels.welcome": lambda w: (
        channels.leave(w.people["boris"], w.channels["general"]),
        channels.welcome({"id": w.people["boris"].id}),
    ),
    "channels.join": lambda w: channels.join(w.people["boris"], w.channels["public"]),
    "channels.leave": lambda w: channels.leave(w.people["boris"], w.channels["general"]),
    "channels.add_person": lambda w: channels.add_person(
        w.olga, w.channels["public"], w.people["boris"].id
    ),
    "channels.remove_person": lambda w: channels.remove_person(
        w.olga, w.channels["private"], w.people["boris"].id
    ),
    "directs.open_direct": lambda w: directs.open_direct(w.people["boris"], [w.clara.id]),
    "emoji.note": noted,
    "emoji.flush": flush_emoji,
    "invites.create": lambda w: invites.create(w.olga),
    "invites.revoke": lambda w: invites.revoke(w.olga, w.invite),
    "messages.post": post,
    "messages.edit": lambda w: messages.edit(w.olga, w.message["id"], "other words"),
    "reactions.add": lambda w: reactions.add(w.people["boris"], w.message["id"], "🎉"),
    "reactions.remove": lambda w: (
        reactions.add(w.people["boris"], w.message["id"], "👍"),
        reactions.remove(w.people["boris"], w.message["id"], "👍"),
    ),
    "messages.delete": lambda w: messages.delete(w.olga, w.message["id"]),
    "messages.mark_read": lambda w: messages.mark_read(w.people["boris"], w.channels["general"], 2),
    "system_messages.post": lambda w: system_messages.post(
        {"id": w.channels["general"]}, "all is well", "notice-000001"
    ),
    "site.update_site": lambda w: site.update_site(w.olga, name="Renamed", open_registration=True),
    "tokens.create": lambda w: tokens.create(w.olga, "another", PASSWORD),
    "tokens.revoke": lambda w: tokens.revoke(w.olga, w.token),
}


# What services are going to write through and none of them does yet.
BELOW: dict[str, Callable[[Any], Any]] = {
    "update.change of a list": lambda w: message_change.change(
        w.message, {"$addToSet": {"probes": "one"}, "$inc": {"changes": 1}}
    ),
    "insert.post outside the stream": lambda w: message_insert.post(
        w.channels["general"],
        w.olga.id,
        "olga",
        "an answer",
        "",
        "outside-0001",
        thread=w.message["id"],
    ),
    "update.change that is refused": lambda w: message_change.change(
        w.message, {"$set": {"text": "never"}}, {"probes": "one"}
    ),
}


@pytest.fixture(scope="module")
def installed(mongod, valkey):
    """The app in this process, for the whole module: each test finds the same documents."""
    places = {"MONGODB_URI": new_database(mongod.uri), "REDIS_URL": valkey.url_of(IN_PROCESS)}
    app = create_app({"TESTING": True, "SECRET_KEY": SECRET_KEY, **places})
    models.ensure_indexes()
    return SimpleNamespace(app=app, documents=None, facts=None)


@pytest.fixture
def busy(installed, monkeypatch):
    """Channels of every kind, three people and one who is gone, messages; all caches are cold."""
    monkeypatch.setattr(activity, "_noted", {})
    monkeypatch.setattr(activity, "_written", {})
    with installed.app.test_request_context():
        if installed.documents is None:
            empty()
            installed.facts = furnish()
            installed.documents = {c.name: list(c.find()) for c in collections()}
        empty()
        for collection in collections():
            if found := installed.documents.get(collection.name):
                collection.insert_many(found)
        yield SimpleNamespace(app=installed.app, **vars(installed.facts))


def furnish():
    first = accounts.set_up("Site", "olga", PASSWORD)
    code = first["invite"]["code"]
    olga = Account(first["user"])
    boris, clara, gone = (
        Account(accounts.register(nickname, PASSWORD, code))
        for nickname in ("boris", "clara", "gone")
    )
    accounts.deactivate(olga, gone.id)
    rooms = {
        kind: channels.create(olga, kind, kind=kind)["id"]
        for kind in ("public", "private", "voice")
    }
    archived = channels.create(olga, "archived")["id"]
    rooms |= {"general": first["channel"]["id"], "archived": archived}
    rooms["direct"] = directs.open_direct(olga, [boris.id])["id"]
    channels.add_person(olga, rooms["private"], boris.id)
    channels.archive(olga, rooms["archived"])
    token = tokens.create(olga, "a program", PASSWORD)["id"]
    made = SimpleNamespace(olga=olga, clara=clara, channels=rooms, invite=code, token=token)
    made.people = {"olga": olga, "boris": boris, "clara": clara, "gone": gone}
    for channel in ("general", "private", "direct"):
        made.message = post(made, f"first words in {channel} 👍", channel=channel)
        post(made, "more words", by="boris", channel=channel)
    made.message = post(made, "words to be changed")
    emoji.flush()
    return made


def collections():
    database = User._get_collection().database
    return [database[name] for name in database.list_collection_names()]


def empty():
    """As before set-up."""
    for collection in collections():
        collection.delete_many({})
    empty_redis()
    base.NUMBERS.clear()


def answers():
    """All that anybody can ask for, by what is read again and again."""
    everybody = [Account(profile) for profile in User.accounts([], 0, 100) if profile["active"]]
    rooms = [str(row["_id"]) for row in Channel._get_collection().find({}, {"_id": 1})]
    found = {"site": site.get_site(), "emoji": emoji.counts(), "people": users.list_people(1000)}
    for person in everybody:
        found["person", person.nickname] = attempt(users.get_person, person.id)
        found["channels", person.nickname] = channels.list_for(person)
        for room in rooms:
            for ask in (users.members_of, messages.history, messages.unread):
                found[ask.__name__, person.nickname, room] = attempt(ask, person, room)
    return found


def attempt(ask, *args):
    try:
        return ask(*args)
    except ChatError as refused:
        return type(refused).__name__


def of_mongodb(config, monkeypatch):
    """The same answers of the same code, without Redis."""
    with monkeypatch.context() as patch:
        for name in [name for name in config if name.startswith("ROLLOUT_")]:
            patch.setitem(config, name, 0)
        return answers()


@pytest.mark.parametrize("write", WRITES | BELOW)
def test_after_a_write_every_key_holds_what_mongodb_says(busy, monkeypatch, write):
    if write == "accounts.set_up":
        empty()
    answers()  # all is warm
    before = {stored.structure_of(key) for key in stored.names("cache:*")} - stored.OTHERS
    if write != "accounts.set_up":
        assert before == stored.TRUTH.keys(), "not all was warm: the test proves less than it says"
    assert stored.wrong() == {}

    (WRITES | BELOW)[write](busy)

    assert stored.wrong() == {}
    after = answers()
    assert after == of_mongodb(busy.app.config, monkeypatch)
    assert stored.wrong() == {}


def test_a_deleted_text_and_an_edited_one_are_in_no_key(busy):
    secret = post(busy, "zebra in plain words")
    answers()
    assert "zebra" in stored.everything()

    messages.edit(busy.olga, secret["id"], "yak in plain words")
    assert "zebra" not in stored.everything()
    answers()
    assert "zebra" not in stored.everything()
    assert "yak" in stored.everything()

    messages.delete(busy.olga, secret["id"])
    answers()
    assert "yak" not in stored.everything()


def test_the_newest_fifty_stay_fifty_when_some_are_deleted(busy):
    sent = [post(busy, f"number {n}") for n in range(60)]
    answers()
    for message in sent[-20:]:
        messages.delete(busy.olga, message["id"])
        post(busy, "after a deletion")
    answers()

    key = f"cache:messages:recent:{busy.channels['general']}"
    assert len(stored.contents(key)) == 50
    assert stored.wrong() == {}


def test_every_service_is_known_as_a_read_or_tried_as_a_write():
    reads = {f"{noun}.{name}" for noun, names in READS.items() for name in names.split()}
    assert not reads & WRITES.keys()
    assert reads | WRITES.keys() == {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in service_modules()
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }


def service_modules() -> list[ModuleType]:
    names = [module.name for module in pkgutil.iter_modules(services.__path__)]
    return [importlib.import_module(f"{services.__name__}.{name}") for name in names]


def test_every_declared_structure_is_compared_with_mongodb():
    assert stored.unknown() == set()


def test_every_document_that_is_cached_announces_its_writes():
    announced = {row.document for row in invalidation.TABLE}
    # An invite and a token are read from MongoDB; sessions are written to both by
    # chat.auth.sessions.interface. The rollout and the drill are followed by every process; the
    # audit, the minutes, the alerts and the note about the last back-up are read by admins: all
    # from MongoDB.
    silent = {models.Invite, models.AccessToken, models.session.Session}
    silent |= {models.Rollout, models.Audit, models.Drill, models.Minute}
    silent |= {models.alert.Alert, models.backup.Backup}
    silent |= {models.heartbeat.Heartbeat}  # that MongoDB takes writes
    assert set(models.DOCUMENTS) == announced | silent
    assert not announced & silent
