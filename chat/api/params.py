"""From a request to a typed value, or to a 400 or 415 that says what is wrong with it."""

import re
from typing import Any, TypeVar

import msgspec
from flask import request
from flask_babel import gettext as _
from msgspec import UNSET
from werkzeug.exceptions import UnsupportedMediaType

from chat.errors import BadInput, NotFound

_MISSING = re.compile(r"missing required field `([^`]+)`")
T = TypeVar("T", bound=msgspec.Struct)
_ID = re.compile(r"[0-9a-f]{24}\Z")
_AT = re.compile(r" - at `\$\.?([^`]*)`")


def read_body(shape: type[T], optional: bool = False) -> T:
    """The JSON object in the request; nothing at all is an empty object where that is enough."""
    data = request.get_data(cache=False)
    if optional and not data:
        return shape()
    if not request.is_json:
        raise UnsupportedMediaType(_("The body must be application/json."))
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError as error:
        raise _mistake(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadInput(_("The body is not valid JSON.")) from None


def read_query(shape: type[T]) -> T:
    """The parameters behind the question mark; unknown ones are ignored."""
    try:
        return msgspec.convert(request.args.to_dict(), shape, strict=False)
    except msgspec.ValidationError as error:
        raise _mistake(error) from None


def given(body: msgspec.Struct) -> dict[str, Any]:
    """The fields of a change that the caller named; the others are to stay as they are."""
    return {
        name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET
    }


def check_ids(values: dict[str, str]) -> None:
    """An id in the path that cannot be one belongs to nothing: 404, before any query."""
    for name, value in values.items():
        if name.endswith("_id") and not _ID.match(value):
            raise NotFound


def _mistake(error: msgspec.ValidationError) -> BadInput:
    """What is wrong and where, as msgspec says it: "Expected `str`, got `int`" and "text"."""
    text = _AT.sub("", str(error))
    place = _AT.search(str(error)) or _MISSING.search(text)
    return BadInput(text, field=place[1] if place else "")
