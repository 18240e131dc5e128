"""What the sidebar lists of a person's own channels: what one person can use, not all there is.

Up to LINKS named channels, and as many conversations, are all listed. Of more the list has the
current one, all with unread messages, and the ones used last; the others are counted. If more than
MOST_LINKS have unread messages, those beyond are counted apart, so that nothing unread is hidden.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from chat.cache import channels as cache
from chat.cache import unread
from chat.services import channels

LINKS = 60
MOST_LINKS = 200


class Listed(NamedTuple):
    """Views sorted by title; how many more there are, and how many of these are unread."""

    views: list[dict]
    more: int = 0
    more_unread: int = 0


class Sidebar(NamedTuple):
    """The two lists, and the number of unread messages by channel, of all the actor's channels."""

    named: Listed
    directs: Listed
    unread: Mapping[str, int]


def of(actor: Any, current: str = "", recent: Sequence[str] = ()) -> Sidebar:
    """The sidebar of a page that shows the channel ``current``.

    ``recent``: ids of the channels that were used last, the last one first.
    """
    counts = unread.get_counts(actor.id)
    named = cache.get_named(counts)
    shown = [channel for channel in named.values() if not channel["archived"]]
    used = {cid: place for place, cid in reversed([*enumerate((current, *recent))])}
    counts = {cid: n for cid, n in counts.items() if cid not in named or not named[cid]["archived"]}
    # Of conversations the newest ones come first: a name would have to be read for each.
    directs = sorted((cid for cid in counts if cid not in named), reverse=True)
    if len(shown) > LINKS:
        shown.sort(key=lambda channel: channel["name"].casefold())
    return Sidebar(
        _listed(actor, [channel["id"] for channel in shown], counts, used),
        _listed(actor, directs, counts, used),
        counts,
    )


def last_used(actor: Any, recent: Sequence[str]) -> dict | None:
    """The actor's channel that was used last; else the first one by name, else a conversation."""
    mine = unread.get_marks(actor.id)
    named = sorted(cache.get_named(mine).values(), key=_by_use)
    ids = [cid for cid in recent if cid in mine]
    found = cache.get_many([*ids, *(channel["id"] for channel in named[:1]), *sorted(mine)[-1:]])
    return channels.titled(actor, found[:1])[0] if found else None


def _by_use(channel: dict) -> tuple[bool, str]:
    return channel["archived"], channel["name"].casefold()


def _listed(
    actor: Any, ids: list[str], counts: Mapping[str, int], used: Mapping[str, int]
) -> Listed:
    """``ids``: in the order in which the rest is filled up."""
    if len(ids) <= LINKS:
        return Listed(_views(actor, ids, counts))
    last = len(used)
    first = [cid for cid in ids if counts[cid] or cid in used]
    first.sort(key=lambda cid: (used.get(cid, last) > 0, not counts[cid], used.get(cid, last)))
    must = sum(1 for cid in first if counts[cid] or used.get(cid) == 0)
    most = max(LINKS, min(must, MOST_LINKS))
    others = (cid for cid in ids if not counts[cid] and cid not in used)
    chosen = [*first[:most], *_some(others, most - len(first))]
    more_unread = sum(1 for cid in first[most:] if counts[cid])
    return Listed(_views(actor, chosen, counts), len(ids) - len(chosen), more_unread)


def _some(ids: Iterable[str], number: int) -> list[str]:
    return [cid for cid, _ in zip(ids, range(number), strict=False)]


def _views(actor: Any, ids: list[str], counts: Mapping[str, int]) -> list[dict]:
    views = channels.titled(actor, cache.get_many(ids))
    shown = [view | {"member": True, "unread": counts[view["id"]]} for view in views]
    return sorted(shown, key=lambda view: view["title"].casefold())
