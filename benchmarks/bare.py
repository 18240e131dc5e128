"""Flask-SocketIO as it comes, doing next to nothing: the floor of `fanout` and `memory`.

Everybody who connects is in one room. What anybody posts is sent to the room with as much beside it
as the product's message carries, and acknowledged; nothing is checked or stored.
"""

import os
from typing import Any

from benchmarks.stage import App

ROOM, SIZE = "everybody", "BENCH_MESSAGE_BYTES"


class Bare(App):
    """This module served by one gunicorn worker like the product's."""

    @property
    def served(self) -> tuple[str, ...]:
        return ("--config", os.devnull, "-k", "gevent", "--worker-connections", "4000",
                "--bind", f"127.0.0.1:{self.port}", "benchmarks.bare:serve()")  # fmt: skip


def serve() -> Any:
    """The application."""
    from flask import Flask
    from flask_socketio import SocketIO, join_room

    app = Flask(__name__)
    socketio = SocketIO(app, async_mode="gevent", transports=["websocket"],
                        cors_allowed_origins="*", manage_session=False)  # fmt: skip
    filling = "x" * int(os.environ.get(SIZE, "500"))

    @app.get("/health")
    def health() -> str:
        return "ok"

    @socketio.on("connect")
    def connect(auth: Any) -> None:
        join_room(ROOM)

    @socketio.on("message:post")
    def post(data: dict[str, Any]) -> dict[str, Any]:
        message = {"client_id": data["client_id"], "text": filling}
        socketio.emit("message:new", {"message": message}, to=ROOM)
        return {"ok": True}

    return app
