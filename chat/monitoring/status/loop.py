"""The loop of the status page: the leader of each gunicorn runs it every few seconds."""

import logging
import time
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import gevent
from flask import Flask

from chat.cache import fire_drill
from chat.models.background import go_on
from chat.monitoring.shared_dir import together
from chat.monitoring.status import (
    alert_rules,
    alert_texts,
    key_counts,
    live_updates,
    samples,
    servers,
)
from chat.monitoring.status.alert_rules import Facts, Rule, State
from chat.monitoring.status.alert_webhook import outward
from chat.monitoring.status.channel_alerts import Herald
from chat.monitoring.status.drill_reports import Reporter
from chat.monitoring.status.last_day import Writer
from chat.monitoring.status.leader import group
from chat.monitoring.status.samples import Sample
from chat.redis import Down
from chat.redis.client import redis
from chat.rollout import FEATURES
from chat.telemetry import registry

log = logging.getLogger(__name__)

EVERY = 2.0
MINUTE, LONG, HOUR = 60.0, 300.0, 3600.0
FACTS_EVERY = 5  # rounds of the loop


class Keeper:
    """The loop and its memory; in the leader."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.recent: deque[Sample] = deque(maxlen=int(LONG / EVERY) + 1)
        self.hour: deque[Sample] = deque(maxlen=61)
        self.well: Sample | None = None  # the last sample at which every process had Redis
        self.redis: dict[str, Any] = {}
        self.census: dict[str, Any] = {}
        self.mongo: dict[str, Any] = {}
        self.looks = 0
        self.states: dict[str, State] | None = None
        self.writer, self.reporter = Writer(group.name), Reporter(group.name)
        self.herald = Herald(app, group.name)

    def run(self) -> None:
        """Look every few seconds, for ever, while this process is the leader."""
        while True:
            with go_on(log, "the state could not be looked at"), self.app.app_context():
                if group.leads():
                    self.look()
            gevent.sleep(EVERY)

    def look(self) -> None:
        """One round: take a sample, decide the alerts, and leave the result for all processes."""
        if self.states is None:  # a new leader goes on where the former one ended
            seen = group.seen()
            self.states = alert_rules.from_plain(seen.get("alerts", {}))
            self.hour.append(seen.get("hour") or {"at": time.time()})
        snap = together()
        sample = samples.take(snap)
        sample["at"] = time.time()
        self._remember(sample)
        if self.looks % FACTS_EVERY == 0:
            self.redis = servers.ask_redis(self.redis, snap)
            self.census = self._count_keys()
        if self.looks % FACTS_EVERY == 0 or not self.mongo:
            self.mongo = servers.ask_mongo(self.mongo)
        self.looks += 1
        gauges = servers.gauges_of(snap)
        last = samples.since(self._before(MINUTE), sample)
        facts = facts_of(gauges, last, samples.since(self._before(LONG), sample))
        facts = replace(facts, drill=fire_drill.phase() != fire_drill.NONE)
        if facts.redis_up or self.well is None:
            self.well = sample
        outage = samples.since(self.well, sample)
        now = time.time()
        self.states, turned = alert_rules.look(self.states, facts, now)
        group.tell({
            "at": now, "alerts": alert_rules.to_plain(self.states), "minute": last,
            "outage": {name: outage[name] for name in ("posts", "failed", "lost")},
            "hour": self.hour[0], "redis": self.redis, "mongo": self.mongo,
            "channel": self.herald.trouble, "census": self.census,
        })  # fmt: skip
        self.herald.hear(self.states, turned, now)
        for rule, before, after in turned:
            self._tell(rule, before, after, now)
        self.reporter.look(sample, lambda: self._before(MINUTE))
        self.writer.look(sample, gauges.get(registry.SOCKETS.name, {}).get("", 0))

    def _remember(self, sample: Sample) -> None:
        self.recent.append(sample)
        if sample["at"] - self.hour[-1]["at"] >= MINUTE:
            self.hour.append(sample)

    def _before(self, seconds: float) -> Sample:
        """The oldest sample of the last ``seconds`` seconds."""
        since = self.recent[-1]["at"] - seconds - EVERY / 2
        return next(sample for sample in self.recent if sample["at"] >= since)

    def _count_keys(self) -> dict[str, Any]:
        counted = redis.call(key_counts.take, "census") if redis.is_up() else {}
        return {} if isinstance(counted, Down) else counted

    def _tell(self, rule: Rule, before: State, after: State, now: float) -> None:
        """Report an alert once when it begins and once, with its duration, when it is over."""
        began = after.since if after.on else before.since
        lasted = None if after.on or began is None else now - began
        if after.on:
            level = logging.INFO if rule.severity == alert_rules.INFO else logging.WARNING
            log.log(level, "Alert: %s", " ".join(alert_texts.alert(rule, after.value)))
        else:
            log.warning("Alert over after %.0f s: %s", lasted or 0, alert_texts.title(rule.name))
        if url := self.app.config.get("ALERT_WEBHOOK"):
            since = datetime.fromtimestamp(began or now, UTC).isoformat(timespec="seconds")
            outward.tell(url, alert_texts.told(rule, after.on, after.value, since, lasted))


def facts_of(gauges: dict[str, dict[str, float]], minute: Sample, longer: Sample) -> Facts:
    """The facts that the alert rules use."""
    gauge = partial(servers.one, gauges)
    enabled = bool(gauge(registry.REDIS_ENABLED, 0))
    hits, misses = samples.hits_and_misses(minute["cache"])
    limit, used = gauge(registry.REDIS_MEMORY_LIMIT), gauge(registry.REDIS_MEMORY)
    shares = gauges.get(registry.ROLLOUT.name, {})
    return Facts(
        redis_enabled=enabled,
        redis_up=bool(gauge(registry.REDIS_UP, 1)),
        mongo_up=bool(gauge(registry.MONGO_UP, 1)),
        reads_per_s=(hits + misses) / max(EVERY, minute["at"]),
        miss_rate=misses / (hits + misses) if hits + misses else None,
        memory=used / limit if used is not None and limit else None,
        pool_exhausted=longer["pool_exhausted"],
        stale=longer["stale"],
        get_ms=samples.time_of(minute["redis"]["get"], 0.95, registry.REDIS_BUCKETS),
        set_ms=samples.time_of(minute["redis"]["set"], 0.95, registry.REDIS_BUCKETS),
        gets=samples.count_of(minute["redis"]["get"]),
        sets=samples.count_of(minute["redis"]["set"]),
        connections=gauge(registry.REDIS_CLIENTS),
        rolled_back=sum(1 for name in FEATURES if not shares.get(name, 1)),
    )


_keepers: list[tuple[Keeper, gevent.Greenlet]] = []


def start(app: Flask) -> None:
    """Start in this process."""
    if not _keepers:
        keeper = Keeper(app)
        _keepers.append((keeper, gevent.spawn(keeper.run)))
    live_updates.start(app)


def stop(app: Flask) -> None:
    """Stop, and let another process become the leader."""
    live_updates.stop()
    while _keepers:
        keeper, greenlet = _keepers.pop()
        greenlet.kill(block=False)
        keeper.herald.stop()
    outward.stop()
    group.leave()
