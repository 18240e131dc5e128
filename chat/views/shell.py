"""What surrounds every page: who reads, the site's name, sidebar, presence, addresses."""

from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, g, has_request_context, request, session
from flask_babel import get_locale
from flask_login import current_user

from chat import presence, protocol
from chat.i18n import LANGUAGES
from chat.i18n.js_strings import js_strings
from chat.pages.message_rows import (
    blank_member,
    blank_row,
    channel_link,
    members_left_out,
    person_link,
)
from chat.services import sidebar as side
from chat.services import site, users
from chat.text.markdown import is_emoji
from chat.views import assets
from chat.web.security import csrf_token, site_address

THEMES = ("system", "light", "dark")
RECENT_COOKIE = "last_channel"  # ids, separated by dots
MOST_RECENT = protocol.CHANNELS_REMEMBERED


def init_app(app: Flask) -> None:
    """Gives templates their helpers."""
    app.context_processor(surroundings)
    app.add_template_filter(hue)
    app.add_template_filter(is_emoji)
    app.add_template_filter(initials)
    app.add_template_filter(marked)
    for helper in (sidebar, presence_state, other_of, channel_url, js_strings, outcome, edition):
        app.add_template_global(helper)
    app.add_template_global(blank_row)
    app.add_template_global(blank_member)
    app.add_template_global(channel_link)
    app.add_template_global(person_link)
    app.add_template_global(members_left_out)
    app.add_template_global(csrf_token)
    app.add_template_global(presence.seq, "presence_seq")
    app.add_template_global(presence.is_known, "presence_known")
    app.jinja_env.globals["protocol"] = protocol
    app.jinja_env.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": True}


def surroundings() -> dict[str, Any]:
    """Values of every page. What is rendered outside a request has no reader and none of them."""
    if not has_request_context() or not request.endpoint or request.path.startswith("/api/"):
        return {}
    return {
        "me": current_user._get_current_object(),  # not a look-up each time it is named
        "site": SiteFacts(),
        "locale": str(get_locale() or "en"),
        "languages": LANGUAGES,
        "theme": theme(),
    }


def outcome(name: str) -> str:
    """What the form before this page did, as its redirect says in the address. A link on another
    site cannot say it: nothing was done then (Fetch Metadata, Sec-Fetch-Site)."""
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        return ""
    return request.args.get(name, "")


def expect_connection(response: Response) -> Response:
    """A page that a browser shows will connect; what a script fetches is none."""
    is_page = response.mimetype == "text/html" and response.status_code < 500
    is_shown = request.headers.get("Sec-Fetch-Mode") == "navigate"
    if is_page and is_shown and current_user.is_authenticated:
        presence.page_asked_for(current_user.id)
    return response


class SiteFacts:
    """The site's facts, fetched when a template asks for the first one."""

    @property
    def name(self) -> str:
        """What the people here call it."""
        return str(self._facts()["name"])

    @property
    def open_registration(self) -> bool:
        """Whether an account can be made without an invite."""
        return bool(self._facts()["open_registration"])

    def _facts(self) -> dict:
        if "site_facts" not in g:
            g.site_facts = site.get_site()
        return dict(g.site_facts)


def edition() -> str:
    """What a page was made for: a release, a language, an account and its session.

    A piece of page fits only a page of the same edition (static/js/fragment.js).
    """
    who = (current_user.id, current_user.nickname, current_user.role)
    log_in = str(session.get("csrfToken", ""))
    return _edition(assets.version(), str(get_locale() or "en"), *who, log_in)


@lru_cache(maxsize=1000)
def _edition(*facts: str) -> str:
    return sha256("\0".join(facts).encode()).hexdigest()[:16]


def theme() -> str:
    """system, light or dark: the account's choice."""
    chosen = getattr(current_user, "theme", "") or "system"
    return chosen if chosen in THEMES else "system"


def sidebar(current: str) -> dict[str, Any]:
    """The reader's channels and conversations, and who is online; fetched once a page.

    ``current``: the id of the channel that the page shows, or "".
    """
    if "sidebar" not in g:
        me = current_user._get_current_object()
        mine = side.of(me, current, recent_channels())
        online = users.online_people()
        named = [p for p in online.people[: protocol.PEOPLE_NAMED + 1] if p["id"] != me.id]
        named = named[: protocol.PEOPLE_NAMED]
        others = len(online.people) + online.more - (me.id in presence.online())
        total = sum(mine.unread.values())
        g.sidebar = {
            "channels": mine.named,
            "directs": mine.directs,
            "online": named,
            "more_online": max(0, others - len(named)),
            "online_ids": online.ids,
            "not_listed": online.more,
            "unread": mine.unread,
            "unread_total": total,
            "unread_elsewhere": total - mine.unread.get(current, 0),
        }
    return dict(g.sidebar)


def recent_channels() -> list[str]:
    """The ids of the channels that this browser showed last, the last one first."""
    return request.cookies.get(RECENT_COOKIE, "")[: 25 * MOST_RECENT].split(".")[:MOST_RECENT]


def other_of(channel: dict) -> str | None:
    """The other person of a conversation of two (oneself in a conversation with oneself)."""
    ids, me = channel.get("people") or [], current_user.id
    if len(ids) > 2:
        return None
    others = [person for person in ids if person != me]
    return others[0] if others else me


def presence_state(person_id: str) -> str:
    """online, offline, or unknown when this process cannot know."""
    if "online_now" not in g:
        g.online_now = (presence.online(), presence.is_known(), current_user.id)
    online, known, me = g.online_now
    if person_id in online or person_id == me:
        return "online"
    return "offline" if known else "unknown"


def channel_url(channel: dict) -> str:
    """Where a channel is read: conversations of two under the other's nickname."""
    if channel["kind"] == "direct" and other_of(channel):
        return person_url(channel["title"])
    return f"/channels/{quote(channel['slug'])}"


def marked(channel: dict) -> str:
    """What a channel is called in a sentence: "#" marks those that all can find, no others."""
    return f"#{channel['title']}" if channel["kind"] in ("public", "voice") else channel["title"]


def person_url(nickname: str) -> str:
    """Where one writes to a person."""
    return f"/dm/{quote(nickname, safe='')}"


def absolute_url(path: str) -> str:
    """An address to give to somebody else."""
    return site_address() + path


def hue(person_id: str) -> str:
    """The class of a person's colour: the same everywhere, for ever (static/js/avatar.js).

    An id ends with a number that grows by little from one person to the next. A golden angle for
    each step keeps those who came one after the other apart, however many they are.
    """
    number = int(person_id[-6:] or "0", 16)
    return f"hue-{number * protocol.GOLDEN % 2**24 * protocol.HUES >> 24}"


def initials(nickname: str) -> str:
    """One or two letters that stand for a nickname."""
    words = [word for word in nickname.replace("_", " ").replace(".", " ").split() if word]
    if not words:
        return "?"
    return (words[0][0] + (words[1][0] if len(words) > 1 else "")).upper()
