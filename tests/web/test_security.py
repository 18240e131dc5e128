"""CSRF protection, security headers, and access."""

import pytest
from flask import Flask

from chat.auth import passwords
from chat.models import AccessToken, User
from chat.web.security import safe_next, token_matches
from tests.support.small_app import Browser, leave, make_user, redis_url, small_app


@pytest.fixture
def olga(parts: Flask) -> Browser:
    return Browser(parts)


def bearer(parts: Flask, nickname: str = "olga") -> dict:
    with parts.app_context():
        user = User.objects(nickname=nickname).get()
        token = AccessToken.issue(str(user.id), "bot", user.auth_gen)["token"]
        return {"Authorization": f"Bearer {token}"}


def test_a_change_needs_the_token_of_its_session(olga: Browser) -> None:
    for wrong in ("", "x", olga.token[:-1], olga.token + "x", "ключ"):
        answer = olga.post("/change", token=wrong)
        assert answer.status_code == 403
        assert "expired" in answer.text
    assert olga.post("/change").text == "changed"
    assert olga.http.post("/change", headers={"X-CSRFToken": olga.token}).text == "changed"
    for method in ("put", "patch", "delete"):
        assert getattr(olga.http, method)("/change").status_code == 403
    stranger = Browser(olga.app)
    assert stranger.post("/change", token=olga.token).status_code == 403


def test_logging_in_needs_a_token_too(parts: Flask) -> None:
    answer = parts.test_client().post("/login", data={"nickname": "olga"})
    assert answer.status_code == 403


def test_nothing_matches_an_absent_token() -> None:
    assert token_matches("a", "a")
    for expected, given in [(None, ""), ("", ""), (None, None), ("a", None), ("a", 1), (1, 1)]:
        assert not token_matches(expected, given)


def test_only_a_valid_bearer_token_goes_without_csrf(parts: Flask, olga: Browser) -> None:
    headers = bearer(parts)
    program = parts.test_client()
    assert program.post("/api/change", headers=headers).text == "changed"
    assert program.get("/me", headers=headers).text == "olga"
    wrong = {"Authorization": "Bearer chat_wrong"}
    assert program.post("/api/change", headers=wrong).status_code == 403
    # A made-up token beside a session's cookie is neither the session nor a way round the check.
    assert olga.http.post("/api/change", headers=wrong).status_code == 403
    assert olga.http.get("/me", headers=wrong).text == "nobody"


def test_the_token_of_a_deactivated_person_opens_nothing(parts: Flask) -> None:
    headers = bearer(parts)
    with parts.app_context():
        User.change(User.objects(nickname="olga").get().id, set__active=False)
    assert parts.test_client().get("/api/private", headers=headers).status_code == 401
    assert parts.test_client().post("/api/change", headers=headers).status_code == 403


def test_pages_lead_to_the_login_and_the_api_says_401(parts: Flask, olga: Browser) -> None:
    http = parts.test_client()
    answer = http.get("/private?a=1&b=2")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=%2Fprivate%3Fa%3D1%26b%3D2"
    assert http.get("/api/private").status_code == 401
    assert olga.http.get("/private").text == "private"


@pytest.mark.parametrize(
    ("role", "page", "api"),
    [("member", 404, 403), ("moderator", 404, 403), ("admin", 200, 200), ("owner", 200, 200)],
)
def test_a_role_opens_what_it_should(parts: Flask, role: str, page: int, api: int) -> None:
    with parts.app_context():
        make_user("anna", role)
    http = Browser(parts, "anna").http
    assert (http.get("/admin").status_code, http.get("/api/admin").status_code) == (page, api)
    assert parts.test_client().get("/admin").status_code == 303


def test_a_demoted_admin_is_none_at_once(parts: Flask) -> None:
    with parts.app_context():
        user = make_user("anna", "admin")
    http = Browser(parts, "anna").http
    assert http.get("/admin").status_code == 200
    with parts.app_context():
        User.change(user.id, set__role="member")
    assert http.get("/admin").status_code == 404


def test_the_policy_allows_no_foreign_and_no_inline_code(olga: Browser) -> None:
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in olga.http.get("/plain").headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["img-src"] == "'self' data:"
    assert policy["connect-src"] == "'self' ws://localhost"
    for name in ("object-src", "base-uri", "frame-ancestors"):
        assert policy[name] == "'none'"
    assert "unsafe" not in str(policy)


def test_a_strange_host_cannot_write_into_the_policy(olga: Browser) -> None:
    answer = olga.http.get("/plain", headers={"Host": "evil; script-src *"})
    assert "evil" not in answer.headers.get("Content-Security-Policy", "")


def test_every_answer_carries_the_usual_headers(olga: Browser) -> None:
    for path in ("/plain", "/missing", "/api/private", "/health"):
        headers = olga.http.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["Cache-Control"] == "private, no-store"
        assert "Strict-Transport-Security" not in headers
    secure = olga.http.get("/plain", base_url="https://localhost").headers
    assert secure["Strict-Transport-Security"] == "max-age=31536000"
    assert "wss://localhost" in secure["Content-Security-Policy"]


def test_a_request_that_is_too_large_is_not_read(olga: Browser) -> None:
    assert olga.post("/change", text="x" * 300_000).status_code == 413


@pytest.mark.parametrize(("proxies", "address"), [(0, "127.0.0.1"), (1, "3.3.3.3"), (2, "2.2.2.2")])
def test_forwarded_addresses_count_only_from_trusted_proxies(proxies: int, address: str) -> None:
    from flask import request

    made = small_app(redis_url(), TRUSTED_PROXIES=proxies)
    made.add_url_rule("/where", "where", lambda: f"{request.remote_addr} {request.host}")
    spoofed = {"X-Forwarded-For": "1.1.1.1, 2.2.2.2, 3.3.3.3", "X-Forwarded-Host": "evil"}
    assert made.test_client().get("/where", headers=spoofed).text == f"{address} localhost"
    leave()


def test_plain_http_is_sent_to_https_only_behind_a_trusted_proxy() -> None:
    forwarded = {"X-Forwarded-Proto": "http"}
    for proxies, expected in [(0, 200), (1, 308)]:
        made = small_app(redis_url(), PRODUCTION=True, TRUSTED_PROXIES=proxies)
        http = made.test_client()
        answer = http.get("/plain?a=1", headers=forwarded)
        assert answer.status_code == expected
        assert http.get("/health", headers=forwarded).status_code == 200
        leave()
    assert answer.headers["Location"] == "https://localhost/plain?a=1"
    assert http.get("/plain", headers={"X-Forwarded-Proto": "https"}).status_code == 200


@pytest.mark.parametrize(("cheap", "cost"), [(False, "m=19456,t=2"), (True, "m=8,t=1")])
def test_passwords_are_cheap_only_where_tests_ask_for_it(cheap: bool, cost: str) -> None:
    app = Flask("chat")
    app.config["CHEAP_PASSWORD_HASHES"] = cheap
    with app.app_context():
        stored = passwords.hash_password("correct horse")
        assert cost in stored
        assert passwords.verify_password(stored, "correct horse") == (True, False)
        assert cost in passwords._nobodys(passwords._hasher())
    assert passwords.verify_password(stored, "correct horse") == (True, cheap)  # made anew


@pytest.mark.parametrize("target", ["/", "/channels/отпуск", "/a?b=//c", "/a#b"])
def test_a_redirect_target_on_this_site_is_followed(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [None, "", "a", "//evil.example", "/\\evil.example", "/a\\b", "https://evil.example", "///evil",
     "/\t/evil", "/a\nb", " /a", "javascript:alert(1)", "\\\\evil", "/" + "a" * 3000],
)  # fmt: skip
def test_a_redirect_target_on_another_site_is_not_followed(target: str | None) -> None:
    assert safe_next(target) is None


def test_a_password_is_verified_and_nobodys_costs_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = passwords.hash_password("correct horse")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.verify_password(stored, "correct horse") == (True, False)
    checked: list[str] = []
    matches = passwords._matches
    monkeypatch.setattr(passwords, "_matches", lambda h, t: checked.append(h) or matches(h, t))
    assert not passwords.verify_password(stored, "wrong horse").right
    assert not passwords.verify_password(None, "nobody has this password").right
    # The same work for somebody and for nobody: one hash of the same parameters.
    assert [known.rpartition("$")[0].rpartition("$")[0] for known in checked] == [
        "$argon2id$v=19$m=19456,t=2,p=1"
    ] * 2
    assert not passwords.verify_password("not a hash", "x").right
