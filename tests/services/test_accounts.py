"""Accounts: an interrupted set-up, and the rule for the last owner."""

from types import SimpleNamespace

import pytest
from flask import Flask
from pymongo.errors import AutoReconnect

from chat.errors import Conflict, NotFound
from chat.models import User
from chat.services import accounts
from tests.support.emptied import empty_redis

PASSWORD = "long password 1"


def test_set_up_stays_closed_when_nobody_knows_whether_the_owner_was_stored(
    app: Flask, monkeypatch: pytest.MonkeyPatch
):
    real = User.save

    def stored_but_the_answer_is_lost(self: User) -> None:
        real(self)
        raise AutoReconnect("the primary has gone")

    with app.test_request_context():
        empty_redis()
        monkeypatch.setattr(User, "save", stored_but_the_answer_is_lost)
        with pytest.raises(AutoReconnect):
            accounts.set_up("Site", "olga", PASSWORD)
        monkeypatch.undo()

        assert accounts.is_set_up()
        with pytest.raises(NotFound):
            accounts.set_up("Mine now", "mallory", PASSWORD)
        assert accounts.authenticate("olga", PASSWORD)


def test_only_active_owners_are_kept(site: SimpleNamespace):
    accounts.set_role(site.owner, site.other.id, "owner")
    accounts.deactivate(site.owner, site.other.id)
    with pytest.raises(Conflict):
        accounts.deactivate(site.owner, site.owner.id)

    accounts.set_role(site.owner, site.other.id, "member")

    assert User.raw(site.other.id)["role"] == "member"
