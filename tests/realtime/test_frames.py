"""WebSocket frames, encoded and decoded, compared with another implementation."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, Message, Ping, TextMessage

from chat.realtime.transport import frames

MOST = 1000
PAYLOADS = st.one_of(st.text(max_size=300), st.binary(max_size=MOST), st.just("я" * 500))


@given(
    messages=st.lists(st.tuples(PAYLOADS, st.integers(1, 3), st.booleans()), max_size=6),
    sizes=st.lists(st.integers(1, 700), min_size=1),
)
def test_whatever_a_client_says_in_whatever_pieces_arrives_whole_and_in_order(
    messages: list[tuple[str | bytes, int, bool]], sizes: list[int]
) -> None:
    """In one frame or several, with pings in between, cut anywhere on the way."""
    client, stream, wanted = Connection(ConnectionType.CLIENT), b"", []
    for payload, parts, with_ping in messages:
        step = len(payload) // parts + 1
        for number in range(parts):
            piece = payload[number * step : (number + 1) * step]
            if with_ping:
                stream += client.send(Ping(b"are you there"))
                wanted.append((frames.PING, b"are you there"))
            stream += client.send(Message(data=piece, message_finished=number == parts - 1))
        wanted.append((frames.TEXT if isinstance(payload, str) else frames.BINARY, payload))
    cutter, found, at = frames.Cutter(MOST), [], 0
    while at < len(stream):
        size = sizes[len(found) % len(sizes)]
        found += cutter.feed(stream[at : at + size])
        at += size
    assert found == wanted


@given(payloads=st.lists(st.one_of(PAYLOADS, st.just("x" * 70_000)), max_size=5))
def test_what_is_sent_is_what_a_client_understands(payloads: list[str | bytes]) -> None:
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(b"".join(map(frames.message, payloads)))
    found = [event for event in client.events() if isinstance(event, TextMessage | BytesMessage)]
    assert [event.data for event in found] == payloads


def masked(head: int, payload: bytes) -> bytes:
    """A short frame with a mask of zeros."""
    return struct.pack("!BB", head, 0x80 | len(payload)) + bytes(4) + payload


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        pytest.param(b"\x81\x01x", frames.BROKEN, id="not masked"),
        pytest.param(masked(0xC1, b"x"), frames.BROKEN, id="an extension nobody agreed on"),
        pytest.param(masked(0x83, b"x"), frames.BROKEN, id="an unknown kind"),
        pytest.param(masked(0x80, b"x"), frames.BROKEN, id="the rest of nothing"),
        pytest.param(masked(0x01, b"x") + masked(0x81, b"y"), frames.BROKEN, id="two at once"),
        pytest.param(masked(0x09, b"x"), frames.BROKEN, id="a ping in parts"),
        pytest.param(b"\x89\xfe\x00\x80", frames.BROKEN, id="a long ping"),
        pytest.param(b"\x81\xfe\x00\x05", frames.BROKEN, id="a length longer than it must be"),
        pytest.param(masked(0x81, b"\xff"), frames.NOT_UTF8, id="no text"),
        pytest.param(b"\x81\xfe\x03\xe9", frames.TOO_BIG, id="too big, before it has come"),
        pytest.param(b"\x81\xff" + b"\x7f" * 8, frames.TOO_BIG, id="far too big"),
    ],
)
def test_what_is_no_protocol_is_refused_with_its_code(stream: bytes, code: int) -> None:
    with pytest.raises(frames.Broken) as refused:
        frames.Cutter(MOST).feed(stream)
    assert refused.value.code == code


def test_many_parts_are_together_no_bigger_than_one_message() -> None:
    cutter = frames.Cutter(MOST)
    assert cutter.feed(masked(0x01, b"x" * 125)) == []
    with pytest.raises(frames.Broken) as refused:
        for _ in range(8):
            cutter.feed(masked(0x00, b"x" * 125))
    assert refused.value.code == frames.TOO_BIG


def test_a_ping_between_the_parts_of_the_biggest_message_is_no_part_of_it() -> None:
    cutter, part = frames.Cutter(250), b"x" * 125
    parts = masked(0x01, part) + masked(0x00, part)
    assert cutter.feed(parts + masked(0x89, b"between") + masked(0x80, b"")) == [
        (frames.PING, b"between"),
        (frames.TEXT, "x" * 250),
    ]
