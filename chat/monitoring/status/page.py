"""The data of the status page. Everything is known already, except the charts of the day."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flask import current_app
from flask_babel import gettext as _

from chat import presence, rollout
from chat.cache import fire_drill
from chat.monitoring.shared_dir import place, together
from chat.monitoring.status import (
    alert_rules,
    alert_texts,
    charts,
    formats,
    last_day,
    samples,
    server_cards,
    summary,
    time_budget,
)
from chat.monitoring.status.alert_rules import State
from chat.monitoring.status.leader import group
from chat.monitoring.status.samples import Sample
from chat.monitoring.status.servers import Gauges, gauges_of, one
from chat.redis.client import redis
from chat.redis_schema.keys import STRUCTURES, Structure
from chat.telemetry import registry

WANTED_HITS = 80  # percent
ENOUGH = 20  # answers; the 95th percentile of fewer would be just the slowest


def live() -> dict[str, Any]:
    """The data of the part that updates by itself."""
    snap, seen = together(), group.seen()
    gauges = gauges_of(snap)
    mongo = current_app.extensions["chat_status"].mongo.report()
    door = redis.state()
    active = alert_rules.active(alert_rules.from_plain(seen.get("alerts", {})))
    others_up = bool(one(gauges, registry.REDIS_UP, 1))
    hour = samples.since(seen.get("hour") or {}, samples.take(snap))
    verdict = summary.decide(mongo, door, others_up, active, fire_drill.left(), seen.get("outage"))
    advised = [told(rule, state) for rule, state in active]
    if verdict.advice in (alert["advice"] for alert in advised):
        verdict = replace(verdict, advice="")  # the alert itself gives this advice already
    return {
        "verdict": verdict,
        "alerts": advised,
        "channel": channel(seen.get("channel") or ""),
        "mongo": server_cards.of_mongo(mongo, seen.get("mongo") or {}),
        "redis": server_cards.of_redis(door, seen.get("redis") or {}, gauges),
        "caches": caches(hour, seen.get("census") or {}),
        "now": now(seen.get("minute") or {}, gauges),
        "sessions": sessions(hour),
        "saved": saved(hour),
        "processes": processes(),
        "charts": time_budget.ask(pictures, None),
        "drill_phase": fire_drill.phase(),
        "drill_left": fire_drill.left(),
        "when": formats.when,
        "span": formats.span,
    }


def channel(trouble: str) -> dict[str, str] | None:
    """Why no alert can be posted in ALERT_CHANNEL; None if all is well."""
    slug = (current_app.config.get("ALERT_CHANNEL") or "").lstrip("#")
    return {"slug": slug, "trouble": trouble} if trouble else None


def told(rule: alert_rules.Rule, state: State) -> dict[str, Any]:
    """An active alert for the template."""
    since = datetime.fromtimestamp(state.since or 0, UTC).isoformat()
    said = alert_texts.alert(rule, state.value)
    return {"severity": rule.severity, "since": since, **said._asdict()}


def caches(hour: Sample, census: dict[str, Any]) -> list[dict[str, Any]]:
    """The caches: hit rate, number of keys, lifetime, and times with and without the cache."""
    shares = rollout.known()
    found = []
    for feature in rollout.FEATURES:
        own = [s for s in STRUCTURES if s.rollout == feature]
        hits, misses = samples.hits_and_misses({s.name: hour["cache"].get(s.name, {}) for s in own})
        times = hour["routes"].get(feature, {})
        found.append({
            "name": feature, "keys": [s.name for s in own], "lives": lives(own),
            "percent": shares[feature].percent if feature in shares else rollout.percent(feature),
            "hits": hits, "misses": misses, "count": census.get(feature),
            "rate": 100 * hits / (hits + misses) if hits + misses else None,
            "with": _times(times.get(samples.WITH)),
            "without": _times(times.get(samples.WITHOUT)),
        })  # fmt: skip
    return found


def lives(own: list[Structure]) -> list[tuple[int, str]]:
    """The lifetimes of a part's structures in seconds, named if they differ."""
    called = {
        "cache:messages:recent:*": _("messages"),
        "cache:messages:tail:*": _("unread counts"),
    }
    by_seconds = {int(current_app.config[s.ttl]): called.get(s.name, "") for s in own}
    if len(by_seconds) == 1:
        return [(seconds, "") for seconds in by_seconds]
    return sorted(by_seconds.items())


def _times(row: list[float] | None) -> dict[str, Any] | None:
    middle = samples.time_of(row, 0.5)
    if middle is None:
        return None
    return {"count": samples.count_of(row), "p50": middle, "p95": samples.time_of(row, 0.95)}


def now(minute: Sample, gauges: Gauges) -> dict[str, Any]:
    """People online, sockets, and the traffic of the last minute."""
    seconds = minute.get("at") or 0
    requests = minute.get("requests")
    return {
        "online": len(presence.online()),
        "known": presence.is_known(),
        "sockets": int(one(gauges, registry.SOCKETS, 0)),
        "deliveries": minute["deliveries"] / seconds if seconds else None,
        "requests": samples.count_of(requests) / seconds if seconds else None,
        "p95": samples.time_of(requests, 0.95) if samples.count_of(requests) >= ENOUGH else None,
    }


def sessions(hour: Sample) -> dict[str, Any]:
    """How many sessions were found in Redis, in MongoDB, or nowhere."""
    found = {store: int(number) for store, number in hour["sessions"].items()}
    return {**found, "all": sum(found.values())}


def saved(hour: Sample) -> dict[str, Any]:
    """The reads that the caches saved MongoDB, and the result of the stale check."""
    hits, _misses = samples.hits_and_misses(hour["cache"])
    reads = hour["reads"]
    return {
        "hits": hits,
        "share": 100 * hits / (hits + reads) if hits + reads else None,
        "with": _times(hour["answers"].get(samples.WITH)),
        "without": _times(hour["answers"].get(samples.WITHOUT)),
        "checked": int(hour["checked"]),
        "stale": int(hour["stale"]),
    }


def processes() -> list[dict[str, Any]]:
    """One row for each running process."""
    rows = []
    for snap in place.everybody():
        if not snap["processes"]:
            continue
        gauges = gauges_of(snap)
        requests = [row for _labels, row in dict(snap["counts"]).get(registry.REQUESTS.name, ())]
        rows.append({
            "pid": snap["pid"], "memory": one(gauges, registry.MEMORY),
            "sockets": int(one(gauges, registry.SOCKETS, 0)),
            "requests": sum(map(samples.count_of, requests)),
            "redis": _redis_of(gauges),
            "mongo": "up" if one(gauges, registry.MONGO_UP, 1) else "down",
        })  # fmt: skip
    return sorted(rows, key=lambda row: int(row["pid"]))


def _redis_of(gauges: Gauges) -> str:
    """The state of Redis for one process."""
    if not redis.enabled:
        return "disabled"
    if one(gauges, registry.REDIS_UP):
        return "up"
    return server_cards.PAUSED if fire_drill.phase() == fire_drill.AWAY else "down"


def pictures() -> list[charts.Chart]:
    """The charts of the last day, from MongoDB."""
    points = last_day.points()
    return [
        charts.draw(_("Hit rate"), "%", points, [("hit_rate", "one", "")], top=100,
                    mark=WANTED_HITS, mark_label=f"{WANTED_HITS} %"),
        charts.draw(_("Response time, 95th percentile"), "ms", points,
                    [("with", "one", _("with cache")), ("without", "two", _("without cache"))]),
        charts.draw(_("People online"), "", points, [("online", "one", "")], whole=True),
        charts.draw(_("Deliveries a second"), "", points, [("deliveries", "one", "")]),
    ]  # fmt: skip
