"""The server and the browser's code share one table of events and limits: chat/protocol.py."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat import errors, protocol
from chat.folders import ROOT, STATIC
from chat.realtime.incoming import events, handlers

CODE = [*(ROOT / "chat").rglob("*.py"), *(STATIC / "js").rglob("*.js")]
TABLE = (ROOT / "chat" / "protocol.py", protocol.JAVASCRIPT)
EVENTS = {*protocol.FROM_BROWSERS, *protocol.TO_BROWSERS}
# What sends or hears an event, on either side. `when` and `tell` carry events within a page, too.
SENDS = r"handles|_emit|emit|emitted|emitWithAck|ask|mention|socket\.on"
CALL = re.compile(r"\b(" + SENDS + r"|when|tell)\(\s*[\"'`]([^\"'`]+)[\"'`]")
LIBRARY = {"connect", "disconnect", "connect_error"}  # Socket.IO's own


def named_in(path: Path) -> Iterator[tuple[str, str]]:
    """The calls that name an event by a text of their own, and that text."""
    for call, name in CALL.findall(path.read_text(encoding="utf-8")):
        if name not in LIBRARY and (call not in ("when", "tell") or name in EVENTS):
            yield call, name


def test_the_browsers_table_is_written_from_the_servers():
    written = protocol.JAVASCRIPT.read_text(encoding="utf-8")
    assert written == protocol.javascript(), "run: python -m chat.protocol"


def test_each_event_that_browsers_may_send_has_a_handler_and_no_other_has():
    assert handlers.connect
    assert sorted(events.table) == sorted(protocol.FROM_BROWSERS)


def test_a_handler_of_an_event_that_is_not_in_the_table_is_refused():
    with pytest.raises(ValueError, match="message:shout"):
        events.handles("message:shout")


def test_events_are_named_by_the_table_alone():
    named = {path: list(named_in(path)) for path in CODE if path not in TABLE}
    assert not {path: calls for path, calls in named.items() if calls}


@pytest.mark.parametrize(
    "line",
    [
        '@handles("message:shout", flood="message")',
        'socketio.server.emit("message:shout", data, to=sid)',
        '_emit(\n        "typing",\n        data)',
        'const answer = await ask("channel:shut", { channel });',
        'when("message:new", show);',
        'socket.on("message:shout", show);',
    ],
)
def test_an_event_named_beside_the_table_is_found(line, tmp_path):
    (tmp_path / "code").write_text(line)
    assert list(named_in(tmp_path / "code"))


def test_what_only_a_page_tells_itself_needs_no_place_in_the_table(tmp_path):
    (tmp_path / "code").write_text('tell("caught-up"); when("outbox:added", show);')
    assert not list(named_in(tmp_path / "code"))


def test_each_error_that_browsers_tell_apart_is_one_of_the_servers():
    def kinds(of: type) -> set[str]:
        return {of.name}.union(*map(kinds, of.__subclasses__()))

    assert kinds(errors.ChatError).issuperset([*protocol.PASSING_ERRORS, *protocol.GONE_ERRORS])
