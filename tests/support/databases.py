"""Databases of the run's MongoDB: fresh ones, with the indexes that a release builds."""

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from subprocess import PIPE, STDOUT
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pymongo
from pymongo import WriteConcern

from tests.support import forked
from tests.support.forked import ROOT
from tests.support.servers import the_mongod


def new_database(uri: str) -> str:
    """The address of a database that nobody has used."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(path=f"/chat_{uuid4().hex[:10]}"))


def release(env: Mapping[str, str]) -> None:
    """Build the indexes, as the release step does."""
    if forked.can_become(env):
        done = forked.flask("init-db", env=env)
    else:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "init-db"]
        done = subprocess.run(command, env=env, cwd=ROOT, stdout=PIPE, stderr=STDOUT, text=True)
    assert done.returncode == 0, done.stdout


def can_copy_release(env: Mapping[str, str]) -> bool:
    """Whether this database is on the run's own MongoDB, and reached as it is usually reached."""
    there, ours = urlsplit(env.get("MONGODB_URI", "")), urlsplit(the_mongod().uri)
    return there._replace(path="") == ours._replace(path="")


def copy_release(uri: str) -> None:
    """What ``release`` leaves in a fresh database, without starting a process for it."""
    database = _client()[urlsplit(uri).path.strip("/")]
    for name, indexes in _indexes_of_a_release().items():
        database.command("createIndexes", name, indexes=indexes)


def emptied() -> str:
    """The database of apps in this process: it has its indexes, and nothing else."""
    uri = _in_process()
    database = _client()[urlsplit(uri).path.strip("/")]
    names = database.list_collection_names()
    for name in names[1:]:
        database.get_collection(name, write_concern=WriteConcern(w=1)).delete_many({})
    database[names[0]].delete_many({})  # acknowledged by the majority, and so are those before it
    return uri


@lru_cache(maxsize=1)
def _in_process() -> str:
    uri = new_database(the_mongod().uri)
    copy_release(uri)
    return uri


def drop(uri: str) -> None:
    """Leave nothing that MongoDB would have to look after for the rest of the run."""
    _client().drop_database(urlsplit(uri).path.strip("/"))


@lru_cache(maxsize=1)
def _indexes_of_a_release() -> dict[str, list[Any]]:
    """By collection, read from a database that a real release step has prepared."""
    uri = new_database(the_mongod().uri)
    release({**os.environ, "MONGODB_URI": uri, "DISABLE_REDIS": "true", "SECRET_KEY": "k" * 32})
    database = _client()[urlsplit(uri).path.strip("/")]
    return {name: list(database[name].list_indexes()) for name in database.list_collection_names()}


@lru_cache(maxsize=1)
def _client() -> pymongo.MongoClient[Any]:
    return pymongo.MongoClient(the_mongod().uri)
