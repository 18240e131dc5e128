"""Pages and JSON are compressed as the browser accepts, and are the same in every form."""

import gzip
import re
import zlib
from uuid import uuid4

import brotli
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from chat.auth.token_mask import mask, unmask
from chat.web import compression
from chat.web.compression import SMALL
from chat.web.security import token_matches
from tests.support.people import CSRF, Person
from tests.support.waiting import SECONDS

DECODE = {
    "identity": bytes, "gzip": gzip.decompress, "br": brotli.decompress,
    "zstd": compression.zstd.decompress,
}  # fmt: skip
ENCODINGS = ("gzip", "br", "zstd")
CHROME = "gzip, deflate, br, zstd"
# What differs from one answer to the next.
OWN = re.compile(
    rb'(name="csrf-token" content|name="csrf_token" value|name="client_id" value|data-now)="[^"]*"'
)


def fetch(person: Person, path: str, accepted: str = "", **options) -> tuple:
    """The answer, and its body as it was sent."""
    headers = {"Accept-Encoding": accepted, **options.pop("headers", {})}
    method = options.pop("method", "GET")
    answer = person.session.request(
        method, person.url + path, headers=headers, stream=True, timeout=SECONDS, **options
    )
    return answer, answer.raw.read(decode_content=False)


@pytest.fixture
def talk(owner: Person, new_person) -> tuple[Person, str, str]:
    """Somebody in a channel with some messages; the path of its page, and of its history."""
    person = new_person()
    channel = person.new_channel()
    for n in range(20):
        sent = {"text": f"message {n} of a long talk", "client_id": uuid4().hex}
        person.post(f"/api/channels/{channel['id']}/messages", sent)
    return person, f"/channels/{channel['slug']}", f"/api/channels/{channel['id']}/messages"


@pytest.mark.parametrize(
    ("site", "encoding"),
    [("cross-site", None), ("same-site", None), ("same-origin", "br"), ("none", "br")],
)
def test_nothing_is_compressed_for_a_visit_from_another_site(talk, site, encoding):
    """Its size would tell that site whether a text in the address stands in the page, too."""
    for path in talk[1:]:
        for _time in ("made", "kept"):
            answer, _sent = fetch(talk[0], path, "br", headers={"Sec-Fetch-Site": site})
            assert answer.headers.get("Content-Encoding") == encoding, path


def test_a_page_is_the_same_in_every_encoding(talk):
    person, page, _history = talk
    found = {encoding: fetch(person, page, encoding) for encoding in DECODE}
    plain = OWN.sub(b"", found["identity"][1])
    assert "Content-Encoding" not in found["identity"][0].headers
    for encoding in ENCODINGS:
        answer, sent = found[encoding]
        assert answer.headers["Content-Encoding"] == encoding
        assert answer.headers["Content-Length"] == str(len(sent))
        assert OWN.sub(b"", DECODE[encoding](sent)) == plain
        assert len(sent) < len(plain) / 4
    for answer, _ in found.values():
        assert {"Accept-Encoding", "Cookie"} <= set(answer.headers["Vary"].split(", "))


@pytest.mark.parametrize("path", ["history", "/api/openapi.json"])
def test_json_is_the_same_in_every_encoding_however_often_it_is_asked_for(talk, path):
    person, _page, history = talk
    path = history if path == "history" else path
    plain = fetch(person, path)[1]
    assert len(plain) > SMALL
    for _ in range(3):  # made, kept, and given again
        for encoding, decode in DECODE.items():
            answer, sent = fetch(person, path, encoding)
            assert answer.headers.get("Content-Encoding", "identity") == encoding
            assert answer.headers["Content-Length"] == str(len(sent))
            assert answer.headers["Content-Type"] == "application/json"
            assert "Accept-Encoding" in answer.headers["Vary"]
            assert decode(sent) == plain


def test_an_etag_is_known_in_every_encoding(talk):
    person, _page, history = talk
    tags = {fetch(person, history, encoding)[0].headers["ETag"] for encoding in DECODE}
    assert len(tags) == 1
    tag = tags.pop()
    assert tag.startswith("W/")  # the same content, in other bytes
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}'):
        for encoding in DECODE:
            answer, body = fetch(person, history, encoding, headers={"If-None-Match": known})
            assert (answer.status_code, body) == (304, b"")
            assert "Content-Encoding" not in answer.headers
            assert "Accept-Encoding" in answer.headers["Vary"]
    person.post(history, {"text": "news", "client_id": uuid4().hex})
    for encoding in DECODE:
        answer, _ = fetch(person, history, encoding, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.headers["ETag"] == tag) == (200, False)


def test_a_head_request_is_told_what_a_get_would_be(talk):
    person, page, history = talk
    for path in (page, history):
        told, body = fetch(person, path, "zstd", method="HEAD")
        assert body == b""
        assert told.headers["Content-Encoding"] == "zstd"
        assert "Accept-Encoding" in told.headers["Vary"]


@pytest.mark.parametrize("path", ["/api/me", "/api/emoji", "/health/ready"])
def test_a_small_answer_stays_as_it_is(owner, path):
    answer, sent = fetch(owner, path, CHROME)
    assert len(sent) < SMALL
    assert "Content-Encoding" not in answer.headers


def test_a_refusal_is_compressed_like_any_page(owner):
    answer, sent = fetch(owner, "/channels/nowhere", "gzip")
    assert answer.status_code == 404
    assert b"</html>" in gzip.decompress(sent)


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        (CHROME, "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate", "gzip"),
        ("zstd;q=0, br;q=0.1", "br"),
        ("*;q=0.1, zstd;q=0", "br"),
        ("identity", None),
        ("compress, x-gzip", None),
        ("zstd;q=no, ;, =", None),
        ("", None),
    ],
)
def test_the_encoding_is_one_that_the_browser_accepts(server, accepted, chosen):
    visitor = Person(server.url)
    answer, sent = fetch(visitor, "/login", accepted)
    assert answer.headers.get("Content-Encoding") == chosen
    assert b"</html>" in DECODE[chosen or "identity"](sent)


@pytest.mark.parametrize("encoding", ["zstd", "gzip"])
def test_the_beginning_of_a_page_can_be_read_before_its_end_has_come(talk, encoding):
    person, page, _history = talk
    sent = fetch(person, page, encoding)[1]
    decoders = {"zstd": compression.zstd.ZstdDecompressor, "gzip": lambda: zlib.decompressobj(31)}
    begun = decoders[encoding]().decompress(sent[: len(sent) // 4])
    assert b'rel="stylesheet"' in begun
    assert b"first-view" in begun


# -- the token in a compressed page ----------------------------------------------------------------


def test_the_token_is_another_in_every_page_and_the_same_in_all_its_forms(talk):
    person, page, _history = talk
    seen = set()
    for _ in range(5):
        text = fetch(person, page)[1].decode()
        tokens = set(re.findall(r'name="csrf[_-]token" (?:value|content)="([^"]+)"', text))
        assert len(tokens) == 1
        seen |= tokens
    assert len(seen) == 5
    assert len({unmask(token) for token in seen}) == 1
    assert not any(unmask(token) in text for token in seen)


def test_every_token_of_a_session_works_in_forms_calls_and_sockets(talk):
    person, page, history = talk
    tokens = [CSRF.search(fetch(person, page)[1].decode())[1] for _ in range(2)]
    for token in tokens:
        sent = {"text": "by a form", "client_id": uuid4().hex}
        assert person.post_form(f"{page}/messages", token, **sent).status_code == 303
        called = person.api("POST", history, {"text": "x", "client_id": uuid4().hex}, csrf=token)
        assert called.status_code == 201
        person.csrf = token
        assert person.tab().ask("presence:ping")["ok"]


def test_a_visitor_logs_in_with_any_token_of_their_pages(server, new_person):
    person, visitor = new_person(), Person(server.url)
    first, second = (CSRF.search(fetch(visitor, "/login")[1].decode())[1] for _ in range(2))
    assert first != second
    form = {"nickname": person.nickname, "password": person.password}
    assert visitor.post_form("/login", first[:-4] + "AAAA", **form).status_code != 303
    assert visitor.post_form("/login", first, **form).status_code == 303


def test_a_token_of_somebody_else_is_refused_masked_or_not(talk, owner):
    person, page, _history = talk
    for foreign in (owner.csrf, unmask(owner.csrf), mask("x" * 43), mask(""), mask("ключ")):
        sent = {"text": "x", "client_id": uuid4().hex}
        assert person.post_form(f"{page}/messages", foreign, **sent).status_code == 403


@given(st.text(min_size=1, max_size=60))
def test_a_masked_token_is_the_token_and_shows_nothing_of_it(token):
    token = token.encode(errors="replace").decode()
    one, other = mask(token), mask(token)
    assert unmask(one) == unmask(other) == token
    assert token_matches(token, one)
    assert not token_matches(token + "x", one)


@given(st.text(max_size=300))
def test_nothing_odd_matches_a_token(odd):
    unmask(odd)
    assert not token_matches("the token of a session", odd)


def test_a_stranger_is_compressed_for_too(server):
    answer = requests.get(f"{server.url}/login", timeout=SECONDS)
    assert answer.headers["Content-Encoding"] in ENCODINGS
    assert "</html>" in answer.text
