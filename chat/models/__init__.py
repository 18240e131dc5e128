"""MongoEngine documents: fields, indexes and the questions one may ask of them. The truth.

Writes go through ``.save()`` or through a method here that announces itself (``base.announced``),
so that ``chat.cache.invalidation`` hears of every change. Lists are read as raw dicts
(``as_pymongo``), never as hydrated documents.
"""

from typing import Any

import mongoengine
from flask import Flask
from pymongo.errors import ConfigurationError
from pymongo.monitoring import CommandListener

from chat.config.urls import mongodb_refused
from chat.models import base
from chat.models.alert import Alert
from chat.models.audit import Audit
from chat.models.backup import Backup
from chat.models.channel import Channel
from chat.models.drill import Drill
from chat.models.driver import MajorityClient, Unconfirmed
from chat.models.emoji import EmojiUse
from chat.models.failover import ELECTION, Reach
from chat.models.heartbeat import Heartbeat
from chat.models.invite import Invite
from chat.models.majority import WAIT, Majority
from chat.models.membership import Membership
from chat.models.message import Message
from chat.models.rollout import Rollout
from chat.models.session import Session
from chat.models.site import Site
from chat.models.status_minute import Minute
from chat.models.token import AccessToken
from chat.models.user import User

DOCUMENTS = (
    Site,
    User,
    Channel,
    Membership,
    Message,
    Invite,
    AccessToken,
    Session,
    EmojiUse,
    Rollout,
    Audit,
    Minute,
    Drill,
    Alert,
    Backup,
    Heartbeat,
)
MAX_POOL = 50


def init_app(app: Flask, *listeners: CommandListener) -> None:
    """Prepare the connection; it is opened at the first query, after fork (pitfalls of PyMongo).

    ``listeners`` are told of every command.
    """
    mongoengine.disconnect()
    reach, majority = Reach(), Majority()
    client = _connect(
        app.config["MONGODB_URI"],
        mongo_client_class=MajorityClient,
        **_database(app.config["MONGODB_URI"]),
        connect=False,
        appname="chat",
        maxPoolSize=MAX_POOL,
        waitQueueTimeoutMS=1000,
        # A server that hangs is noticed by the driver's own heartbeat, which may take this and the
        # time to connect; then what waits for it is cancelled, and tried once more. Together that
        # is less than two seconds, while a query that is merely slow has the ten below.
        heartbeatFrequencyMS=500,
        connectTimeoutMS=600,
        serverSelectionTimeoutMS=int(ELECTION * 1000),
        event_listeners=[reach, majority, Unconfirmed(), *listeners],
        socketTimeoutMS=10000,
        w="majority",
        journal=True,
        wTimeoutMS=int(WAIT * 1000),
        retryWrites=True,
        tz_aware=True,
        uuidRepresentation="standard",
    )
    reach.watch(client)
    client.majority, client.reach = majority, reach
    base.NUMBERS.clear()


def _connect(uri: str, **options: Any) -> Any:
    try:
        return mongoengine.connect(host=uri, **options)
    except ConfigurationError as error:
        raise mongodb_refused(uri) from error


def ensure_indexes() -> None:
    """Build every index there should be; safe to repeat. Run before the app takes traffic."""
    for document in DOCUMENTS:
        document.ensure_indexes()


def _database(uri: str) -> dict[str, str]:
    """A name for the database where the address has none (MongoEngine would take "test")."""
    path = uri.split("://", 1)[-1].partition("/")[2].partition("?")[0]
    return {} if path else {"db": "chat"}
