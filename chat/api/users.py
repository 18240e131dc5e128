"""People."""

from chat.api import schemas
from chat.api.params import given
from chat.api.routing import Encoded, Noun, encode
from chat.services import users

noun = Noun("users")


@noun.operation(
    "GET", "/users", {200: schemas.UserPage}, query=schemas.UserQuery, cached=True, alike=True
)
def index(query: schemas.UserQuery) -> Encoded:
    """People, most recently active first, a page at a time."""
    return users.list_people_as(_page, **given(query))


def _page(found: list[dict], following: str | None) -> Encoded:
    return encode({"users": found, "next": following}, schemas.UserPage)


@noun.operation("GET", "/users/online", {200: schemas.OnlineIds}, cached=True, alike=True)
def online() -> dict:
    """The ids of those who are online, up to a limit, and how many more there are."""
    online = users.online_people()
    return {"users": [person["id"] for person in online.people], "more": online.more}


@noun.operation("GET", "/users/<user_id>", {200: schemas.User}, cached=True)
def show(user_id: str) -> dict:
    """One person."""
    return users.get_person(user_id)
