"""The product, and the floors beside which it is measured; served by benchmarks only.

/bench/empty/<size>   signed in like every page, and then nothing: `size` bytes
/bench/push           messages to a channel's sockets, not stored by anybody
/bench/warm           reads what is asked for through the product's caches, so that they are full
"""

from wsgi import app  # isort: skip - it patches, so it comes first

import json
import time
from typing import Any

import gevent
from flask import Response, request
from flask_login import current_user

from chat.auth.current_user import login_required
from chat.auth.sessions import store as session_store
from chat.cache import channels, members, unread, users
from chat.cache import emoji as emoji_cache
from chat.cache import messages as message_cache
from chat.realtime.outgoing import broadcasts, rooms
from chat.realtime.transport import frames, socketio
from chat.services import messages


@app.get("/bench/empty/<int:size>")
@login_required
def empty(size: int) -> Response:
    """The least that a page of this application can do."""
    return Response(b"x" * size, mimetype="text/plain")


@app.get("/bench/push")
@login_required
def push() -> Response:
    """Send the channel's last message `count` times, `rate` a second, as `how` says.

    emit: the product's emit to the room. bare: one frame made once, then one system call for each
    socket. Each carries the moment it was sent at as its client_id.
    """
    channel, how = request.args["channel"], request.args["how"]
    count, rate = request.args.get("count", 1, int), request.args.get("rate", 20.0, float)
    found, _more = messages.history(current_user, channel, limit=1)
    send = {"emit": _emit, "bare": _write}[how]
    began = time.monotonic()
    for number in range(count):
        gevent.sleep(max(0.0, began + number / rate - time.monotonic()))
        stamped = {**found[0], "client_id": f"bench-{time.monotonic_ns()}-"}
        send(rooms.channel(channel), {"message": broadcasts.carried(stamped)})
    return Response("done")


@app.post("/bench/warm")
def warm() -> Response:
    """For these people and channels everything there is to keep, read as their requests read it."""
    wanted = request.get_json()
    users.list_recent(1, None)
    users.get_profiles(wanted["people"])
    channels.get_all()
    channels.get_site()
    emoji_cache.get_counts()
    unread.last_seqs(wanted["channels"])
    for channel in wanted["channels"]:
        message_cache.get_recent(channel)
        members.get_members(channel)
    for person in wanted["people"]:
        unread.get_marks(person)
    for sid in wanted["sessions"]:
        session_store.load(sid)
    return Response("done")


def _emit(room: str, data: dict[str, Any]) -> None:
    # As broadcasts do, but kept in this process: nobody else listens.
    socketio.server.emit("message:new", data, to=room, ignore_queue=True)


def _write(room: str, data: dict[str, Any]) -> None:
    frame = frames.message("42" + json.dumps(["message:new", data], separators=(",", ":")))
    for line in list(socketio.server.eio.sockets.values()):
        line._sock.send(frame)
