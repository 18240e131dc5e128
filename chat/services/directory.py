"""Where channels are found: all that one may see, or one's own unread ones or conversations.

The names that everybody may see are sorted once and kept until a channel changes. So a page costs
what it shows.
"""

from bisect import insort
from typing import Any, NamedTuple

from chat.cache import channels as cache
from chat.cache import unread
from chat.cache.process_copies import Made
from chat.services import channels
from chat.services.pages import Page, cut
from chat.text import spellings

IN_PAGE = 50
ALL, UNREAD, DIRECT = "", "unread", "direct"
KINDS = (ALL, UNREAD, DIRECT)


class Entry(NamedTuple):
    """A name in the list: what it is sorted by, its channel, and what it is searched by."""

    order: str
    id: str
    key: str


_opened: Made[list[Entry]] = Made(1)


def find(actor: Any, typed: str = "", show: str = ALL, number: int = 1) -> Page:
    """A page of views (``channels.titled`` with ``member``), sorted by title.

    ``typed``: part of the name, in either keyboard layout. ``show``: one of KINDS.
    """
    mine, meant = unread.get_marks(actor.id), spellings.of(typed)
    entries = _own(actor, show) if show else _all(mine)
    if typed.strip():
        entries = [entry for entry in entries if any(text in entry.key for text in meant)]
    page = cut(entries, IN_PAGE, number)
    found = channels.titled(actor, cache.get_many(entry.id for entry in page.items))
    return page._replace(items=[view | {"member": view["id"] in mine} for view in found])


def _all(mine: dict[str, int]) -> list[Entry]:
    """The channels that everybody may see, and the actor's own besides."""
    named = cache.look_all()

    def made() -> list[Entry]:
        return sorted(_entry(c["id"], c["name"]) for c in named.value.values() if _is_open(c))

    entries = _opened.get("", (named.version,), made)
    own = [named.value[cid] for cid in mine if cid in named.value]
    hidden = [channel for channel in own if not _is_open(channel)]
    if hidden:
        entries = entries.copy()
        for channel in hidden:
            insort(entries, _entry(channel["id"], channel["name"]))
    return entries


def _own(actor: Any, show: str) -> list[Entry]:
    """The actor's channels with unread messages, or their conversations."""
    counts = unread.get_counts(actor.id)
    named = cache.get_named(counts)
    if show == UNREAD:
        ids = [cid for cid, count in counts.items() if count and not _is_archived(named, cid)]
    else:
        ids = [cid for cid in counts if cid not in named]
    return sorted(_entry(v["id"], v["title"]) for v in channels.titled(actor, cache.get_many(ids)))


def _entry(channel_id: str, title: str) -> Entry:
    return Entry(title.casefold(), channel_id, spellings.key(title))


def _is_open(channel: dict) -> bool:
    return channel["kind"] in ("public", "voice") and not channel["archived"]


def _is_archived(named: dict[str, dict], channel_id: str) -> bool:
    return channel_id in named and bool(named[channel_id]["archived"])
