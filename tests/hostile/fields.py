"""The input of each route and event, and the worst values for it.

The fields of the JSON API come from its own declarations. Forms, addresses and events are listed
here. A test compares the lists with the program, so a new field without an attack is an error.
"""

import json
import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from chat.api import NOUNS
from chat.rollout import FEATURES
from tests.support.people import NOBODY
from tests.support.worst import TEXTS

LONG = 20_000  # characters; a form may have ten times that, and a message less than half
OF_EVENT = 5_000  # what fits into a packet, each character as two halves of six signs

# Beside the fields that a row of the permission table sends.
FORMS: dict[str, tuple[str, ...]] = {
    "/login": ("next", "again", "again.text"),
    "/channels": ("topic", "kind"),
    "/channels/<slug>/settings": ("topic",),
    "/channels/<slug>/archive": ("archived",),
    "/admin/rollout": (FEATURES[0], f"was_{FEATURES[0]}", "sure", "reset"),
    "/settings/password": ("keep_tokens",),
    "/admin/control/<what>": ("seconds",),
    "/admin/site": ("open_registration",),
    "/admin/people/<user_id>/role": ("q", "page"),
    "/admin/people/<user_id>/deactivate": ("q", "page"),
}
QUERIES: dict[str, tuple[str, ...]] = {
    "/login": ("next",),
    "/register": ("invite",),
    "/channels": ("who", "q", "show", "page"),
    "/admin": ("who", "new", "q", "page", "invites"),
    "/channels/<slug>": ("before", "people"),
    "/channels/<slug>/settings": ("who",),
}
COOKIES = ("last_channel", "locale", "tz", "form", "device")
EVENTS: dict[str, tuple[str, ...]] = {
    "message:post": ("channel", "text", "client_id"),
    "message:edit": ("id", "text"),
    "message:delete": ("id",),
    "channel:open": ("channel", "after", "rev"),
    "channel:read": ("channel", "seq"),
    "typing": ("channel",),
    "presence:ping": (),
    "status:watch": (),
}

SHORT_TEXTS = ["", "a\x00b", "{{7*7}}", "$ne", "\x1b[2J"]
WORST_TEXTS = [maker(LONG) for maker in TEXTS.values()] + SHORT_TEXTS
WORST_NUMBERS = [-1, 0, 2**53, 2**63, 2**64, -(2**63) - 1, 10**400, 10**4000, 1.5, 1e308, math.nan,
                 math.inf, True]  # fmt: skip
OTHER_TYPES = [None, False, 7, "\ud800", "x", [], [[]], [None], {}, {"$ne": ""}, {"$gt": None}]
WORST_LISTS = [["x"] * 10_000, [NOBODY] * 8, [NOBODY] * 3, [{"$ne": ""}], ["\ud800"], [7]]
DEEP = 100_000
WORST_BODIES = [
    b"", b"null", b"[]", b'"', b"{", b"\xff", b"\x00", b"1e400", b"[" * DEEP, b'{"a":' * DEEP,
    b'{"a": 1, "a": 2}', b'{"\\ud800": "\\udfff"}', b"9" * DEEP, b"[" + b"0," * DEEP + b"0]",
]  # fmt: skip
WORST_PIECES = [quote(maker(250)) for maker in TEXTS.values()] + [
    "%00", "%FF", "%ED%A0%80", "0" * 24, "f" * 23, "-1", "9" * 400, "$ne", "%7B%22$ne%22:1%7D", "~",
]  # fmt: skip


def worst_values(usual: Any) -> list[Any]:
    """What to send in JSON instead of this."""
    own = WORST_LISTS if isinstance(usual, list) else WORST_TEXTS
    return [*own, *WORST_NUMBERS, *OTHER_TYPES]


def worst_in_event() -> list[Any]:
    """What to send in an event. A number of more than a hundred digits makes it no packet at all,
    which is dropped without an answer."""
    texts = [maker(OF_EVENT) for maker in TEXTS.values()] + SHORT_TEXTS
    numbers = [number for number in WORST_NUMBERS if abs(number) < 10**99 or number == math.inf]
    return [*texts, *numbers, math.nan, *OTHER_TYPES]


def worst_fields() -> list[str]:
    """What to send in a form: texts, numbers as text, and names that mean something elsewhere."""
    numbers = [str(n) for n in (-1, 2**53, 2**63, 2**64, -(2**63) - 1, 10**4000, 1.5, math.nan)]
    return [*WORST_TEXTS, *numbers, "9" * 5000, "١٢", "0100000000000"]


def encoded(body: Any) -> bytes:
    """JSON as no browser writes it: with NaN, and numbers of any length."""
    return json.dumps(body).encode()


def declared() -> dict[tuple[str, str], tuple[type | None, type | None]]:
    """(body, query) of each route of the API."""
    return {
        (route.method, f"/api{route.path}"): (route.body, route.query)
        for noun in NOUNS
        for route in noun.declared
    }


def names_in(shape: type | None) -> Iterator[str]:
    if shape is not None:
        yield from (field.encode_name for field in msgspec.structs.fields(shape))
