"""Lines without a session are closed, and take no place from people."""

import time
from types import SimpleNamespace

import gevent
import pytest

from chat.realtime.incoming import reconcile
from chat.realtime.transport import frames
from chat.realtime.transport.engine import LineServer
from chat.realtime.transport.quotas import MOST_STRANGERS, STRANGER_SECONDS, Trust
from chat.realtime.transport.socket import MESSAGE_SECONDS
from tests.realtime.test_idle_frames import (  # noqa: F401 - fixtures
    address,
    behind,
    has_hung_up,
    line_from,
    owner,
)
from tests.realtime.test_socket_delivery import line_and_peer
from tests.realtime.test_socket_limits import masked, say, server, until  # noqa: F401 - a fixture
from tests.support.waiting import eventually


@pytest.fixture
def engine() -> LineServer:
    return LineServer(async_mode="gevent", ping_interval=20, ping_timeout=15)


def test_a_silent_anonymous_line_is_closed_and_an_authenticated_one_pinged(
    engine: LineServer,
) -> None:
    with line_and_peer(engine, "one") as (silent, _), line_and_peer(engine, "two") as (guest, _):
        engine.let_in(guest)
        assert silent.due <= time.monotonic() + STRANGER_SECONDS
        for line in (silent, guest):
            line.look(line.due)
        gevent.sleep(0)
        assert silent.closed
        assert guest.pinged
        assert not guest.closed


def test_a_line_that_waits_for_our_answer_does_not_count_as_silent(engine: LineServer) -> None:
    with line_and_peer(engine) as (line, _):
        line._inbox = ["40"]  # type: ignore[assignment]
        line.look(line.due)
        gevent.sleep(0)
        assert not line.closed
        line._inbox = None
        line.look(line.due)
        gevent.sleep(0)
        assert line.closed


def test_the_sweep_closes_lines_of_those_who_were_cut_and_not_of_those_who_wait(
    engine: LineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "LEAVES_WITHIN", 0)
    monkeypatch.setattr(reconcile.socketio, "server", SimpleNamespace(eio=engine))
    with (
        line_and_peer(engine, "one") as (cut, _),
        line_and_peer(engine, "two") as (waits, _),
        line_and_peer(engine, "three") as (comes_again, _),
    ):
        engine.let_in(cut)
        engine.let_in(comes_again)
        waits._inbox = comes_again._inbox = ["40"]  # type: ignore[assignment]
        for _ in range(2):
            reconcile.drop_left_lines()
        assert [line.closed for line in (cut, waits, comes_again)] == [True, False, False]


def test_data_that_arrived_while_the_process_was_busy_is_read_first(engine: LineServer) -> None:
    with line_and_peer(engine) as (line, peer):
        peer.sendall(masked(frames.TEXT, b"40"))  # and no turn of the loop until it is looked at
        line.look(line.due)
        assert line.is_heard
        assert not line.closed


@pytest.mark.parametrize("part", [masked(frames.TEXT, b"4" * 200)[:-1], b"\x01\x81\0\0\0\0x"])
def test_a_message_that_is_never_finished_is_waited_for_for_a_while(
    engine: LineServer, part: bytes
) -> None:
    with line_and_peer(engine) as (line, peer):
        engine.let_in(line)
        say(peer, part)
        until(lambda: line._unfinished)
        line.look(time.monotonic() + MESSAGE_SECONDS / 2)
        gevent.sleep(0)
        assert not line.closed
        line.look(time.monotonic() + MESSAGE_SECONDS + 1)
        gevent.sleep(0)
        assert line.closed


def test_a_whole_office_may_come_back_before_anybody_has_said_who_they_are(
    behind,  # noqa: F811
    owner,  # noqa: F811
    address,  # noqa: F811
):
    """A process that has just begun knows nobody; what browsers keep for us is enough."""
    device = "; ".join(each for each in owner.cookie.split("; ") if each.startswith("device="))
    cookies = [device, f"session={'x' * 43}"] * (MOST_STRANGERS[Trust.NONE] // 2 + 10)
    lines = [line_from(address, behind, cookie) for cookie in cookies]
    for line in lines:
        line.settimeout(0.01)
    assert not any(map(has_hung_up, lines))
    for line in lines:
        line.shutdown()


def test_an_address_loses_its_oldest_anonymous_lines(behind, owner, address) -> None:  # noqa: F811
    tab = line_from(address, behind, owner.cookie)
    tab.send('40{"csrf":"' + owner.csrf + '"}')
    elsewhere = line_from("203.0.113.7", behind)
    lines = [line_from(address, behind) for _ in range(MOST_STRANGERS[Trust.NONE] + 3)]
    for line in (*lines, elsewhere, tab):
        line.settimeout(0.05)
    eventually(lambda: sum(map(has_hung_up, lines[:5])) >= 3)
    assert not any(map(has_hung_up, (lines[-1], elsewhere, tab)))
    for line in (*lines, elsewhere, tab):
        line.shutdown()
