"""MongoEngine documents: fields, indexes and queries. MongoDB is the source of truth.

Writes go through ``.save()``, or through a method here that sends the same signals
(``base.announced``), so that ``chat.cache.invalidation`` hears of every change. Lists are read as
raw dicts, never as MongoEngine documents.
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
    """Prepare the client. It connects at the first query, after the fork, as PyMongo requires.

    ``listeners`` receive the events of every command.
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
        # The driver's heartbeat detects a server that hangs, within these two times. It then
        # cancels the waiting commands and tries them once more. Together that takes less than two
        # seconds; a query that is only slow has the ten seconds below.
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
    """Create all indexes; may be repeated. Run before the app serves requests."""
    for document in DOCUMENTS:
        document.ensure_indexes()


def _database(uri: str) -> dict[str, str]:
    """The database name "chat", if the URI has none (MongoEngine would use "test")."""
    path = uri.split("://", 1)[-1].partition("/")[2].partition("?")[0]
    return {} if path else {"db": "chat"}
