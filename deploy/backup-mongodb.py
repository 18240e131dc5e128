"""Copies the data of a MongoDB that goes on running.

    python deploy/backup-mongodb.py MONGODB_URI DATA_FOLDER TARGET_FOLDER

Runs on the machine of the mongod, best that of a secondary: while it copies, that mongod takes no
writes (with one mongod alone, posting waits). Readers notice nothing. For a big installation take
a snapshot of the file system instead of a copy, or mongodump.
"""

import shutil
import sys
from pathlib import Path

import pymongo

LEFT_OUT = shutil.ignore_patterns("mongod.lock", "diagnostic.data")


def back_up(uri: str, data: Path, target: Path) -> None:
    """Copy ``data`` to the new folder ``target`` while nothing is written to it."""
    client: pymongo.MongoClient = pymongo.MongoClient(uri, directConnection=True)
    client.admin.command("fsync", lock=True)
    try:
        shutil.copytree(data, target, ignore=LEFT_OUT)
    finally:
        client.admin.command("fsyncUnlock")
        client.close()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    back_up(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
