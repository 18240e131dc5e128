"""Copies the data of a MongoDB that goes on running, and notes that for the status page.

    python deploy/backup-mongodb.py MONGODB_URI DATA_FOLDER TARGET_FOLDER
    python deploy/backup-mongodb.py MONGODB_URI --made     another tool has made a back-up just now

MONGODB_URI may be a file that holds the address: everybody on the machine can read a command line.

Runs on the machine of the mongod, best that of a secondary: while it copies, that mongod takes no
writes (with one mongod alone, posting waits). Readers notice nothing. For a big installation take
a snapshot of the file system instead of a copy, or mongodump, and note it with --made.

The note (time, seconds, size, whether it worked) is one document of the collection `backups` in
the database that the address names, else in `chat`. It is written by the primary.
"""

import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

LEFT_OUT = shutil.ignore_patterns("mongod.lock", "diagnostic.data")
DATABASE, PATIENCE_MS = "chat", 10_000


def back_up(uri: str, data: Path, target: Path) -> None:
    """Copy ``data`` to the new folder ``target`` while nothing is written to it; note how it went.

    A copy that could not be noted is a good copy all the same.
    """
    began, ok = time.monotonic(), False
    try:
        copy(uri, data, target)
        ok = True
    finally:
        note(uri, ok, round(time.monotonic() - began, 1), size_of(target) if ok else None)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def copy(uri: str, data: Path, target: Path) -> None:
    """Writes wait for as long as it takes, and go on whatever happens."""
    client: pymongo.MongoClient = pymongo.MongoClient(uri, directConnection=True)
    client.admin.command("fsync", lock=True)
    try:
        shutil.copytree(data, target, ignore=LEFT_OUT)
    finally:
        client.admin.command("fsyncUnlock")
        client.close()


def note(uri: str, ok: bool, seconds: float | None = None, size: int | None = None) -> bool:
    """Leave it for the status page; whether that worked, which is said otherwise."""
    told: dict[str, Any] = {"at": datetime.now(UTC), "ok": ok, "seconds": seconds, "bytes": size}
    change = {"last": told} | ({"good": told} if ok else {})
    try:
        with primary(uri) as client:
            database = client.get_default_database(DATABASE)
            database["backups"].update_one({"_id": "mongodb"}, {"$set": change}, upsert=True)
    except PyMongoError as error:
        sys.stderr.write(f"This could not be noted for the status page: {error}\n")
        return False
    return True


def address(given: str) -> str:
    """The address itself, or what the file of that name holds."""
    return given if "://" in given else Path(given).read_text(encoding="utf-8").strip()


def primary(uri: str) -> pymongo.MongoClient:
    """The one that takes writes, of the set to which this server belongs."""
    options: dict[str, Any] = {"serverSelectionTimeoutMS": PATIENCE_MS, "connectTimeoutMS": 2000}
    with pymongo.MongoClient(uri, directConnection=True, **options) as one:
        name = one.admin.command("hello").get("setName")
    if not name:
        return pymongo.MongoClient(uri, directConnection=True, **options)
    return pymongo.MongoClient(uri, directConnection=False, replicaSet=name, **options)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[2] == "--made":
        sys.exit(0 if note(address(sys.argv[1]), ok=True) else 1)
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    back_up(address(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
