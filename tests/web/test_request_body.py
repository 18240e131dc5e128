"""A request body counts only when it is complete, and the wait for it is limited."""

import socket
from contextlib import AbstractContextManager
from io import BytesIO
from types import SimpleNamespace
from urllib.parse import urlencode

import gevent
import pytest
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from chat.web import request_body
from chat.web.security import MAX_REQUEST
from tests.conftest import NewPerson
from tests.support.people import Person, new_message


def cut_off(person: Person, path: str, form: str, missing: int) -> bytes:
    """What is answered when the browser goes away before it has sent the last bytes of a form."""
    host, port = person.url.removeprefix("http://").split(":")
    head = [
        f"POST {path} HTTP/1.1", f"Host: {host}:{port}", f"Cookie: {person.cookie}",
        "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(form)}", "", "",
    ]  # fmt: skip
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(("\r\n".join(head) + form)[:-missing].encode())
        line.shutdown(socket.SHUT_WR)
        return line.makefile("rb").read()


def test_half_a_form_is_no_message(new_person: NewPerson):
    alice = new_person()
    channel = alice.new_channel()
    message = new_message("")
    # The text comes last, so that the rest is there.
    fields = {"csrf_token": alice.csrf, "client_id": message["client_id"], "text": "all of it"}
    assert cut_off(alice, f"/channels/{channel['slug']}/messages", urlencode(fields), 3) == b""
    path = f"/api/channels/{channel['id']}/messages"
    assert alice.get(path).json()["messages"] == []
    assert alice.post(path, {**message, "text": "all of it"}).json()["text"] == "all of it"


@pytest.mark.parametrize(
    "said",
    [
        {"CONTENT_LENGTH": "5"},
        {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True},
    ],
)
def test_who_never_sends_the_rest_is_not_waited_for(monkeypatch, said):
    monkeypatch.setattr(request_body, "SECONDS", 0.01)
    monkeypatch.setattr(request_body, "SLOWEST", 1 << 40)
    never = SimpleNamespace(read=lambda _length: Event().wait())
    environ = {**said, "wsgi.input": never}
    with (
        gevent.Timeout(10),
        pytest.raises(ConnectionResetError),
        request_body.held(environ, MAX_REQUEST),
    ):
        pytest.fail("it has not come")


def test_there_is_room_for_so_many_big_bodies_and_for_small_ones_beside(monkeypatch):
    def holding(length: int) -> AbstractContextManager[None]:
        environ = {"CONTENT_LENGTH": str(length), "wsgi.input": BytesIO(b"x" * length)}
        return request_body.held(environ, MAX_REQUEST)

    monkeypatch.setattr(request_body, "_room", BoundedSemaphore(1))
    monkeypatch.setattr(request_body, "PATIENCE", 0.01)
    with holding(request_body.SMALL + 1):
        with pytest.raises(request_body.TooMany), holding(request_body.SMALL + 1):
            pytest.fail("there is no room")
        with holding(request_body.SMALL):
            pass
    with holding(request_body.SMALL + 1):
        pass
