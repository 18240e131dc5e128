"""A fresh installation in this process, on the run's real servers, with all caches cold."""

from types import SimpleNamespace

import pytest

from chat.extensions import redis
from chat.models import User, base, ensure_indexes
from chat.services import accounts


@pytest.fixture
def world(app):
    """An owner, one other person and one channel; a request of nobody is under way."""
    with app.test_request_context():
        database = User._get_collection().database
        database.client.drop_database(database.name)
        redis.call(lambda r: r.flushdb())
        base.NUMBERS.clear()
        ensure_indexes()
        made = accounts.set_up("Site", "olga", "long password 1")
        other = accounts.register("boris", "long password 2", made["invite"]["code"])
        yield SimpleNamespace(
            owner=SimpleNamespace(**made["user"]),
            other=SimpleNamespace(**other),
            channel=made["channel"]["id"],
        )
