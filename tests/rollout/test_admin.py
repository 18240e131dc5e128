"""The rollout on the status page: permissions, audit entries, and refusals."""

import re

import pytest
from bson import ObjectId

from chat import rollout
from chat.models import Audit, Rollout, base
from chat.rollout import FEATURES
from chat.services import rollout as rollout_service
from chat.services.rollout import follower, percentages
from tests.cache.conftest import token
from tests.rollout.conftest import set_to
from tests.support.long import long_but


def send(browser, sure="1", **changed):
    """The form as the browser shows it, with these fields changed."""
    page = browser.get("/admin/status").text
    fields = dict(re.findall(r'name="(\w+)"[^>]*? value="(\d*)"', page))
    sent = {name: fields[name] for each in FEATURES for name in (each, f"was_{each}")}
    sent |= changed | {"csrf_token": token(browser)} | ({"sure": sure} if sure else {})
    return browser.post("/admin/rollout", data=sent)


def percents():
    return {name: facts["percent"] for name, facts in rollout_service.overview().items()}


def test_a_change_is_stored_shown_and_written_down_with_a_name(site):
    answer = send(site.owner, sessions="10", emoji="0")
    assert (answer.status_code, answer.location) == (303, "/admin/status?saved=1#rollout")
    assert percents() == {**dict.fromkeys(FEATURES, 100), "sessions": 10, "emoji": 0}
    entries = {
        e["subject"]: (e["actor"]["nickname"], e["from"], e["to"])
        for e in rollout_service.entries()
    }
    assert entries == {"sessions": ("olga", 100, 10), "emoji": ("olga", 100, 0)}
    page = site.owner.get("/admin/status").text
    assert re.search(r'name="sessions"[^>]*value="10"', page)
    assert page.count("Back to 100") == 2
    assert "Switching off" in page
    assert page.count("olga, ") == 2
    set_to(5, "emoji")
    assert "a server command" in site.owner.get("/admin/status").text


def test_a_reset_lets_the_environment_decide(site):
    send(site.owner, sessions="10")
    assert send(site.owner, reset="sessions").status_code == 303
    assert rollout_service.overview()["sessions"]["source"] == "environment"
    assert percents()["sessions"] == 100
    newest = rollout_service.entries()[0]
    assert (newest["action"], newest["from"], newest["to"]) == ("rollout.reset", 10, 100)


@pytest.mark.parametrize(
    "bad", long_but(["101", "-1", "x", "", "1.5", "1e2", "٣", "0x1"], "101", "-1", "", "٣")
)
def test_what_is_no_percentage_is_refused_with_the_reason_and_what_was_typed(site, bad):
    answer = send(site.owner, users=bad, sessions="10")
    assert answer.status_code == 422
    assert "whole number from 0 to 100" in answer.text
    assert 'id="users-error"' in answer.text
    assert re.search(r'name="sessions"[^>]*value="10"', answer.text)
    assert set(percents().values()) == {100}
    assert rollout_service.entries() == []


def test_nothing_changes_before_the_admin_says_that_it_is_meant(site):
    for changed in ({"sessions": "10"}, {"reset": "sessions"}):
        answer = send(site.owner, sure="", **changed)
        assert answer.status_code == 422
        assert "Tick the box to confirm" in answer.text
    assert set(percents().values()) == {100}


def test_a_part_that_there_is_not_is_refused(site):
    assert send(site.owner, reset="everything").status_code == 422


def test_what_another_admin_changed_meanwhile_is_left_alone(site):
    page = {each: "100" for name in FEATURES for each in (name, f"was_{name}")}
    rollout_service.command("users", "20")
    sent = {**page, "sessions": "10", "sure": "1", "csrf_token": token(site.owner)}
    assert site.owner.post("/admin/rollout", data=sent).status_code == 303
    assert (percents()["users"], percents()["sessions"]) == (20, 10)


def test_only_admins_may_see_or_change_it(site):
    sent = {"sessions": "10", "was_sessions": "100", "sure": "1"}
    member = site.member.post("/admin/rollout", data=sent | {"csrf_token": token(site.member)})
    assert member.status_code == 404
    nobody = site.app.test_client().post("/admin/rollout", data=sent)
    assert nobody.status_code in (303, 403)
    assert site.owner.post("/admin/rollout", data=sent).status_code == 403, "without CSRF token"
    assert set(percents().values()) == {100}
    with site.app.test_request_context(), pytest.raises(Exception, match="can't do this"):
        rollout_service.change(_Member(), {"sessions": 10})


class _Member:
    id, nickname, role = "0" * 24, "boris", "member"


def test_it_says_that_it_has_no_effect_without_redis(made, site):
    assert "have no effect" not in site.owner.get("/admin/status").text
    other = made(DISABLE_REDIS=True).test_client()
    other.set_cookie("session", site.owner.get_cookie("session").value)
    assert "have no effect" in other.get("/admin/status").text


def test_an_entry_is_written_down_once_even_if_the_process_dies_before(site):
    entry = {
        "_id": ObjectId(), "at": base.now(), "actor": None, "action": "rollout.set",
        "subject": "emoji", "from": 100, "to": 50,
    }  # fmt: skip
    stored = Rollout.read()
    assert Rollout.change(stored["revision"], {"features.emoji.percent": 50}, [], [entry])
    assert rollout_service.entries() == []
    follower.look()
    percentages.write_down([entry])  # by two processes
    assert [(e["subject"], e["to"]) for e in rollout_service.entries()] == [("emoji", 50)]
    assert Rollout.read()["log"] == []


def test_of_two_changes_at_once_none_is_lost(site):
    revision = Rollout.read()["revision"]
    rollout_service.command("users", "20")
    assert not Rollout.change(revision, {"features.users.percent": 30}, [], [])
    assert percents()["users"] == 20


def test_the_audit_is_bounded_and_finds_by_its_index(site):
    rollout_service.command("users", "20")
    for n in range(60):
        rollout_service.command("users", str(n))
    assert len(rollout_service.entries()) == 50
    assert rollout_service.entries()[0]["to"] == 59
    plan = Audit._get_collection().find().sort([("at", -1)]).explain()
    assert "IXSCAN" in str(plan["queryPlanner"]["winningPlan"])


def test_an_operator_changes_it_by_command(site):
    run = site.app.test_cli_runner().invoke
    assert run(args=["rollout", "emoji", "30"]).exit_code == 0
    assert percents()["emoji"] == 30
    assert "emoji" in run(args=["rollout"]).output
    refused = run(args=["rollout", "emoji", "300"])
    assert refused.exit_code == 1
    assert "from 0 to 100" in refused.output
    assert run(args=["rollout", "emoji", "environment"]).exit_code == 0
    assert percents()["emoji"] == 100
    assert rollout.environment("emoji") == 100
