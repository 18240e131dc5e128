"""The words the browser code shows: listed by key in static/js/i18n-keys.json, translated here.

An entry is a text, or an object with plural forms (one, few, many, other). The English forms are
the message ids, so that the translators meet them beside every other text.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from flask_babel import get_locale, gettext, ngettext
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from chat.folders import STATIC

KEYS = STATIC / "js" / "i18n-keys.json"
# A number of each plural category, for the languages there are.
_SAMPLES = {"one": 1, "few": 3, "many": 5, "other": 100}

Entry = str | dict[str, str]


@lru_cache(maxsize=1)
def entries() -> dict[str, Entry]:
    """What the browser code needs, in English."""
    words: dict[str, Entry] = json.loads(KEYS.read_text(encoding="utf-8"))
    return words


def js_strings() -> Markup:
    """The same map in the reader's language, as JSON that may stand in a page."""
    return _strings_in(str(get_locale() or "en"))


@lru_cache(maxsize=8)
def _strings_in(_locale: str) -> Markup:
    words = {key: _translate(entry) for key, entry in entries().items()}
    return htmlsafe_json_dumps(words, ensure_ascii=False, sort_keys=True)


def phrase(key: str, num: int = 1, **values: str) -> str:
    """One of these texts in the reader's language, for a page that says the same as the browser."""
    entry = entries()[key]
    if isinstance(entry, str):
        return str(gettext(entry)).format(**values)
    one, other = entry["one"], entry["other"]
    return str(ngettext(one, other, num)).format(**values)


def _translate(entry: Entry) -> Entry:
    if isinstance(entry, str):
        return gettext(entry)
    one, other = entry["one"], entry["other"]
    return {category: ngettext(one, other, num) for category, num in _SAMPLES.items()}


def extract(
    fileobj: Any, keywords: Any, comment_tags: Any, options: Any
) -> Iterator[tuple[int, str, Any, list[str]]]:
    """Babel's extraction interface (babel.cfg): each entry as a gettext or ngettext call."""
    text = fileobj.read().decode("utf-8")
    for key, entry in json.loads(text).items():
        line = text[: text.index(f'"{key}"')].count("\n") + 1
        if isinstance(entry, str):
            yield line, "gettext", entry, []
        else:
            yield line, "ngettext", (entry["one"], entry["other"]), []
