"""Alerts in a channel are stored and delivered like any message; their author is no account."""

import pytest

from chat.protocol import NOBODY
from tests.monitoring.status.test_alerts_told import said
from tests.support.people import PASSWORD, Person
from tests.support.waiting import eventually

NAME = "Server status"


@pytest.fixture(scope="module")
def site(tmp_path_factory, mongod):
    """An app with a Redis of its own; its alert channel is missing."""
    from tests.support.processes import Launcher

    launcher = Launcher(tmp_path_factory.mktemp("alerts"), mongod.uri)
    launcher.app = launcher(ALERT_CHANNEL="#alarms")
    launcher.owner = Person(launcher.app.url, "olga").set_up()
    launcher.owner.patch("/api/me", {"locale": "en"})
    yield launcher
    launcher.owner.close()
    launcher.close()


def page(person):
    return person.get("/admin/status").text


def test_alerts_follow_a_renamed_channel_and_reach_open_pages(site):
    """First there is no such channel, then it gets another name, at last it is archived."""
    owner, log = site.owner, site.app.log
    eventually(lambda: "no channel with the address “alarms”" in page(owner))
    channel = owner.post("/api/channels", {"name": "Alarms", "kind": "public"}).json()
    owner.patch(f"/api/channels/{channel['id']}", {"name": "Worries"})
    tab = owner.tab()
    site.redis[0].kill()
    (pushed,) = eventually(lambda: tab.heard("message:new"))
    assert pushed["message"]["author"] == {"id": NOBODY, "nickname": NAME}
    (text,) = said(owner, channel["id"])
    assert text.startswith("**Alert.** Redis is not responding")
    assert text.endswith("for admins: the “Server status” page")
    shown = owner.get("/channels/worries").text
    assert "Redis is not responding" in shown
    assert "/dm/Server" not in shown
    assert log.read_text().count("there is no channel 'alarms'") == 1
    eventually(lambda: "no channel with the address" not in page(owner))

    assert owner.post_form("/channels/worries/archive").status_code == 303
    site.redis[0].start()
    eventually(lambda: "“alarms” is archived" in page(owner))
    assert log.read_text().count("the channel 'alarms' is archived") == 1
    eventually(lambda: "No alerts." in page(owner))
    assert len(said(owner, channel["id"])) == 1


@pytest.mark.parametrize("name", [NAME, "server status", " Server  status "])
def test_nobody_can_log_in_as_the_author_of_alerts_or_take_its_name(site, name):
    stranger = Person(site.app.url, name)
    stranger.get("/login")
    answer = stranger.post_form("/login", nickname=name, password=PASSWORD)
    assert answer.status_code == 422
    invite = site.owner.invite()
    stranger.get(f"/join/{invite}")
    answer = stranger.post_form("/register", nickname=name, password=PASSWORD, invite=invite)
    assert answer.status_code == 422
    assert stranger.get("/api/me").status_code == 401


def test_the_author_of_alerts_is_no_account(site):
    owner = site.owner
    assert {each["nickname"] for each in owner.get("/api/users").json()["users"]} == {"olga"}
    assert NOBODY not in owner.get("/api/users/online").json()["users"]
    assert owner.get(f"/api/users/{NOBODY}").status_code == 404
    assert owner.get(f"/dm/{NAME}").status_code == 404
    assert owner.post("/api/directs", {"users": [NOBODY]}).status_code in (404, 422)
    people = owner.get("/admin").text.partition('id="people"')[2]
    assert NAME not in people
