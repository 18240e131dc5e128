"""A socket receives broadcasts only after its connect handler has accepted it."""

from types import SimpleNamespace
from typing import Any

import pytest

from chat.realtime.outgoing import broadcasts, rooms
from chat.realtime.transport import socketio
from chat.realtime.transport.manager import Rooms
from chat.realtime.transport.server import GuardedServer


@pytest.mark.parametrize("let_in", [False, True])
def test_a_socket_that_is_not_accepted_yet_receives_no_broadcast(
    monkeypatch: pytest.MonkeyPatch, let_in: bool
) -> None:
    """Broadcasts to everyone go to accepted sockets only."""
    server, sent = GuardedServer(client_manager=Rooms(), async_mode="threading"), list[bytes]()

    def connect(sid: str, environ: dict, auth: Any = None) -> bool:
        if let_in:
            server.enter_room(sid, rooms.EVERYONE)
        broadcasts.presence_changed(["a"], [])
        broadcasts.channel_changed({"id": "1", "kind": "public", "name": "plans"})
        broadcasts.system("normal")
        return let_in

    monkeypatch.setattr(socketio, "server", server)
    monkeypatch.setattr(server, "_send_packet", lambda line, packet: None)  # in, or refused
    server.on("connect", connect)
    server.eio.sockets["line"] = SimpleNamespace(
        sid="line", asked=0, is_let_in=True, push=lambda frame: sent.append(frame) is None
    )
    server.environ["line"] = {}
    server._handle_connect("line", "/", None)
    heard = [event for event in ("presence", "channel:changed", "system") if event in str(sent)]
    assert heard == (["presence", "channel:changed", "system"] if let_in else [])
