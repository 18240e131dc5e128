"""Any address, cookie or header gets a page or a reason."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import NewPerson
from tests.hostile.fields import COOKIES
from tests.support import raw
from tests.support.people import Person
from tests.support.processes import AppProcess

CLIENTS = ("session", "theme", *COOKIES)


class Reader(Person):
    """Somebody in a channel with a message."""

    channel: dict[str, Any]


@pytest.fixture(scope="module")
def reader(server: AppProcess, owner: Person, invite: str) -> Iterator[Reader]:
    person = Reader(server.url)
    person.register(invite)
    person.channel = person.new_channel()
    person.say(person.channel, "hello")
    yield person
    person.close()


def page(reader: Reader) -> bytes:
    return b"/channels/" + quote(reader.channel["slug"]).encode()


@pytest.mark.parametrize(
    "name",
    [
        "Etc/Unknown", "Europe", "Europe/", "UTC/", "/UTC", "../etc/passwd", "", " ", ".", "..",
        "Europe/Berlin/", "tzdata.zi", "zone.tab", "__init__.py", "\x01", "%00", "\xff", "E" * 3000,
        "\u0301\u0316".encode().decode("latin-1") * 500, '"UTC"', "posixrules", "right/UTC",
    ],
)  # fmt: skip
def test_an_unknown_time_zone_counts_as_utc(reader: Reader, name: str) -> None:
    cookie = f"Cookie: {reader.cookie}; tz={name}".encode("latin-1")
    assert raw.ask(reader, page(reader), cookie) == (400 if "\x01" in name else 200)


@pytest.mark.parametrize(
    "number",
    ["-9223372036854775809", "9223372036854775808", "-1", "0", "1e400", "NaN", "1.5", "true", "",
     "9" * 3900, "-" + "9" * 3900, "%D9%A1%D9%A2", "1_0", "0x10", "%00", "+1", "[]"],
)  # fmt: skip
def test_any_number_leads_to_a_page(reader: Reader, number: str) -> None:
    asked = number.encode()
    assert raw.ask(reader, page(reader) + b"?before=" + asked) == 200
    for name in (b"before", b"after", b"limit"):
        path = b"/api/channels/%s/messages?%s=%s" % (reader.channel["id"].encode(), name, asked)
        assert raw.ask(reader, path) in (200, 400)
    path = b"/api/channels/%s/messages/around?seq=" % reader.channel["id"].encode()
    assert raw.ask(reader, path + asked) in (200, 400)
    assert raw.ask(reader, page(reader) + b"/m/" + asked) in (200, 404)


ODD = {
    "too long": b"a" * 6000,
    "not UTF-8": b"\xff\xfe\xed\xa0\x80",
    "letters with marks": "é".encode() * 100,
    "only signs": b";=,\"'()<>@:\\/[]?{}",
    "commas": b"," * 4000,
    "semicolons": b";" * 4000,
    "an open quote": b'"' + b"\\" * 3999,
    "spaces": b"a" + b" " * 4000 + b"b",
    "a number": b"9" * 4300,
    "a very long number": b"9" * 6000,
    "a weight that is none": b"en;q=nan, ru;q=1e400, de;q=-1, fr;q=" + b"9" * 4500,
    "many": b", ".join(b"x%d;q=0.%d" % (n, n) for n in range(500)),
    "ranges": b"bytes=" + b",".join(b"%d-" % n for n in range(800)),
    "an enormous range": b"bytes=" + b"9" * 4500 + b"-",
    "backwards": b"bytes=5-1",
}
HEADERS = (
    "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control",
    "Content-Type",
    "Cookie", "Date", "Expect", "Forwarded", "If-Match", "If-Modified-Since", "If-None-Match",
    "If-Range", "If-Unmodified-Since", "Origin", "Pragma", "Range", "Referer", "User-Agent",
    "X-CSRFToken", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-ID", "Sec-WebSocket-Key",
)  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_no_header_is_too_odd(reader: Reader, header: str) -> None:
    for value in ODD.values():
        line = header.encode() + b": " + value
        for path in (page(reader), b"/api/me", b"/static/js/main.js"):
            assert raw.ask(reader, path, line) < 500, (path, value)


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_no_token_is_too_odd(reader: Reader, value: bytes) -> None:
    assert raw.ask(reader, b"/api/me", b"Authorization: Bearer " + value) in (400, 401)


@pytest.mark.parametrize("name", CLIENTS)
def test_no_cookie_is_too_odd(reader: Reader, name: str) -> None:
    for value in ODD.values():
        for given in (value, b'"' + value + b'"'):
            line = b"Cookie: " + reader.cookie.encode() + b"; " + name.encode() + b"=" + given
            for path in (page(reader), b"/", b"/api/me"):
                assert raw.ask(reader, path, line) < 500, (path, given)


HOSTS = [
    b"",
    b"[::1",
    b"]",
    b"\xff",
    b"a" * 5000,
    b"x y",
    b"x:99999999",
    b"x:" + b"9" * 5000,
    b"x/y",
]


@pytest.mark.parametrize("host", HOSTS)
def test_no_host_is_too_odd(reader: Reader, host: bytes) -> None:
    for path in (page(reader), b"/login", b"/api/me", b"/nowhere"):
        assert raw.ask(reader, path, b"Host: " + host) < 500, path


PIECES = [
    b"%FF", b"%ED%A0%80", b"%00", b"%2F", b"%", b"%zz", b"a" * 3900, "é".encode(), b"%E2%80%AE",
    b"%CC%81%CC%96" * 300, b"..", b"%2e%2e", b"$ne", b"[%24ne]", b"0" * 24, b"f" * 23, b"\\", b";",
]  # fmt: skip
PLACES = [
    b"/channels/%s", b"/channels/%s/settings", b"/dm/%s", b"/join/%s", b"/messages/%s",
    b"/nowhere/%s",
    b"/api/%s", b"/api/users/%s", b"/api/channels/%s", b"/api/channels/%s/messages", b"/static/%s",
    b"/static/dist/%s",
    b"/admin/control/%s", b"/register?invite=%s", b"/login?next=%s", b"/api/users?cursor=%s",
    b"/channels?%s=%s", b"/socket.io/%s", b"/socket.io/?EIO=4&transport=websocket&sid=%s",
]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_no_address_is_too_odd(reader: Reader, piece: bytes) -> None:
    for place in PLACES:
        path = place % ((piece,) * place.count(b"%s"))
        assert raw.ask(reader, path) < 500, path


@pytest.mark.parametrize("length", [b"-1", b"x", b"", b"1e3", b"9" * 5000, b"+5", b"5, 5", b"0x5"])
def test_no_length_is_too_odd(reader: Reader, length: bytes) -> None:
    for path in (b"/login", b"/api/tokens"):
        line = b"Content-Length: " + length
        assert raw.ask(reader, path, line, method=b"POST") < 500, path


BODIES = [
    b"csrf_token=%s&name=%%FF%%ED%%A0%%80", b"csrf_token=%s&name=" + b"%%CC" * 9000,
    b"csrf_token=%s&" + b"&" * 9000, b"csrf_token=%s&" + b"a=1&" * 9000,
    b"csrf_token=%s&name=%%", b"csrf_token=%s&name=\xff\x00",
]  # fmt: skip
KINDS = [
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=nonsense",
    "application/x-www-form-urlencoded; charset=utf-16",
    "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=é",
    "multipart/form-data; boundary=" + "a" * 5000, "application/json; charset=nonsense",
    "application/json; charset=\xff", "text/plain; charset=idna", "; ; ;",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_no_body_is_too_odd(new_person: NewPerson, kind: str) -> None:
    person = new_person()
    for body in BODIES:
        sent = body % person.csrf.encode()
        for path in ("/channels", "/api/channels", "/logout"):
            answer = person.post(path, raw=sent, content_type=kind.encode("latin-1"))
            assert answer.status_code < 500, (path, body[:40])
