"""Services in this process, called as views and handlers call them, in a new installation."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from flask import Flask

from chat.auth.account import Account
from chat.services import accounts
from tests.support.emptied import empty_redis


@pytest.fixture
def site(app: Flask) -> Iterator[SimpleNamespace]:
    """An owner, another person, and the channel that both are in."""
    with app.test_request_context():
        empty_redis()
        made = accounts.set_up("Site", "olga", "long password 1")
        other = accounts.register("boris", "long password 2", made["invite"]["code"])
        yield SimpleNamespace(
            owner=Account(made["user"]), other=Account(other), channel=made["channel"]["id"]
        )
