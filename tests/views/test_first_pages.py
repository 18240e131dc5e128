"""The answers of an installation without any account."""

import pytest


@pytest.mark.parametrize("path", ["/", "/login", "/register", "/channels"])
def test_every_page_leads_to_the_set_up(client, path):
    answer = client.get(path, follow_redirects=True)
    assert answer.status_code == 200
    assert answer.request.path == "/setup"
    assert 'name="site_name"' in answer.text


def test_the_set_up_needs_the_token_of_its_page(client):
    form = {"site_name": "Forged", "nickname": "mallory", "password": "long enough for it"}
    assert client.post("/setup", data=form).status_code == 403
    assert client.get("/setup").status_code == 200


def test_the_api_knows_nobody_and_says_so_as_a_problem(client):
    answer = client.get("/api/me")
    assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
    assert "Set-Cookie" not in answer.headers


def test_the_page_speaks_the_language_of_the_browser(client):
    answer = client.get("/setup", headers={"Accept-Language": "ru,en;q=0.5"})
    assert '<html lang="ru"' in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_health_asks_for_nothing_and_waits_for_nothing(client):
    assert client.get("/health").get_json() == {"status": "ok"}
