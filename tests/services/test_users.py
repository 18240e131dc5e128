"""Lists of people."""

from types import SimpleNamespace

import pytest

from chat.errors import BadInput
from chat.redis.client import redis
from chat.services import users


@pytest.mark.parametrize("digits", [14, 15])
def test_a_cursor_from_the_far_future_is_answered_or_refused(site: SimpleNamespace, digits: int):
    redis.call(lambda client: client.delete("cache:users:list"))
    try:
        found, _next = users.list_people(10, f"{site.owner.id}.{'9' * digits}")
    except BadInput:
        return
    assert len(found) == 2
