"""Alerts as sentences: what is wrong, and what to do. All texts of alerts are here.

Sentences are functions, because each is translated for its reader.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from flask_babel import gettext as _
from flask_babel import ngettext

from chat.monitoring.status.alert_rules import Rule
from chat.monitoring.status.formats import duration, figure


class Said(NamedTuple):
    """A sentence about the problem, and one about what to do."""

    sentence: str
    advice: str


def alert(rule: Rule | str, value: float | None) -> Said:
    """The sentences of an alert; ``value`` is its figure."""
    name = rule if isinstance(rule, str) else rule.name
    return Said(*_SENTENCES[name](value or 0.0))


def over(rule: Rule) -> str:
    """The sentence for the end of an alert."""
    return _("Resolved: %(what)s", what=title(rule.name))


def message(
    name: str, on: bool, value: float | None, lasted: float | None, site: str | None = None
) -> str:
    """The message in a channel when an alert begins or ends; ``site``: the address of the chat."""
    if on:
        where = f"{site.rstrip('/')}/admin/status" if site else _("the “Server status” page")
        said = _("**Alert.** %(what)s", what=" ".join(alert(name, value)))
        return said + "\n" + _("Details for admins: %(where)s", where=where)
    return _("**Resolved** after %(time)s: %(what)s.", time=duration(lasted or 0), what=title(name))


def title(name: str) -> str:
    """The title of an alert."""
    return {
        "mongodb_down": _("MongoDB is not responding"),
        "stale_answers": _("Outdated responses"),
        "redis_unreachable": _("Redis is not responding"),
        "miss_rate": _("Many cache misses"),
        "redis_memory": _("Redis is nearly full"),
        "pool_exhausted": _("No free connection to Redis"),
        "slow_get": _("Slow reads from Redis"),
        "slow_set": _("Slow writes to Redis"),
        "connections": _("Many connections to Redis"),
        "rolled_back": _("Redis is not fully used"),
    }[name]


def _percent(value: float) -> int:
    return round(value * 100)


def _mongodb_down(_value: float) -> tuple[str, str]:
    return (
        _("MongoDB is not responding: nobody can send messages."),
        _("Check the MongoDB server, its disk and the network. The chat recovers by itself."),
    )


def _stale_answers(value: float) -> tuple[str, str]:
    return (
        ngettext(
            "A cache returned outdated data %(count)s time in 5 minutes.",
            "A cache returned outdated data %(count)s times in 5 minutes.",
            int(value),
            count=figure(int(value)),
        ),
        _("Press “Turn Redis off (0%)” below: responses are correct at once. Then report this."),
    )


def _redis_unreachable(_value: float) -> tuple[str, str]:
    return (
        _("Redis is not responding; the chat works without it, a little slower."),
        _("Check the Redis server and REDIS_URL. The chat reconnects by itself."),
    )


def _miss_rate(value: float) -> tuple[str, str]:
    return (
        _("%(num)s%% of reads miss the cache (limit 30%%).", num=_percent(value)),
        _("Raise the TTL_… of the part with the lowest hit rate below, or give Redis more memory."),
    )


def _redis_memory(value: float) -> tuple[str, str]:
    return (
        _("Redis memory is %(num)s%% full.", num=_percent(value)),
        _("Upgrade the plan or lower TTL_MESSAGES."),
    )


def _pool_exhausted(value: float) -> tuple[str, str]:
    return (
        ngettext(
            "No free connection to Redis, %(count)s time in 5 minutes.",
            "No free connection to Redis, %(count)s times in 5 minutes.",
            int(value),
            count=figure(int(value)),
        ),
        _("Raise REDIS_CONNECTIONS, or WEB_CONCURRENCY if the processor has cores to spare."),
    )


def _slow_get(value: float) -> tuple[str, str]:
    return (
        _("95%% of reads from Redis finish within %(num)s ms (limit 5 ms).",
          num=figure(value)),
        _("Move Redis closer to the chat, or find out what keeps either of them busy."),
    )  # fmt: skip


def _slow_set(value: float) -> tuple[str, str]:
    return (
        _("95%% of writes to Redis finish within %(num)s ms (limit 20 ms).",
          num=figure(value)),
        _("Move Redis closer to the chat, or find out what keeps either of them busy."),
    )  # fmt: skip


def _connections(value: float) -> tuple[str, str]:
    return (
        ngettext(
            "Redis has %(count)s connection (limit 1,000).",
            "Redis has %(count)s connections (limit 1,000).",
            int(value),
            count=figure(int(value)),
        ),
        _("Lower REDIS_CONNECTIONS or WEB_CONCURRENCY, or check what else uses this Redis."),
    )


def _rolled_back(value: float) -> tuple[str, str]:
    return (
        ngettext(
            "%(num)s part does not use Redis by choice: it is at 0%% or DISABLE_REDIS is set.",
            "%(num)s parts do not use Redis by choice: they are at 0%% or DISABLE_REDIS is set.",
            int(value),
        ),
        _("Once the cause is gone, raise the percentages below or unset DISABLE_REDIS."),
    )


_SENTENCES: dict[str, Callable[[float], tuple[str, str]]] = {
    "mongodb_down": _mongodb_down,
    "stale_answers": _stale_answers,
    "redis_unreachable": _redis_unreachable,
    "miss_rate": _miss_rate,
    "redis_memory": _redis_memory,
    "pool_exhausted": _pool_exhausted,
    "slow_get": _slow_get,
    "slow_set": _slow_set,
    "connections": _connections,
    "rolled_back": _rolled_back,
}


def told(rule: Rule, on: bool, value: float | None, since: str, lasted: float | None) -> Any:
    """The JSON for a webhook, with the text in English and in all languages."""
    from flask_babel import force_locale

    from chat.i18n import LANGUAGES

    texts = {}
    for language in LANGUAGES:
        with force_locale(language):
            texts[language] = " ".join(alert(rule, value)) if on else over(rule)
    return {
        "text": texts["en"], "texts": texts, "alert": rule.name, "severity": rule.severity,
        "state": "on" if on else "off", "value": value, "since": since,
        "lasted_s": None if lasted is None else round(lasted, 1),
    }  # fmt: skip
