"""Each value of the status page, from made-up facts without servers."""

import re
import time
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from flask import render_template
from pymongo.hello import Hello
from pymongo.server_description import ServerDescription
from pymongo.topology_description import TOPOLOGY_TYPE, TopologyDescription

from chat.monitoring import snapshot
from chat.monitoring.status import alert_rules, charts, formats, page, server_cards
from chat.monitoring.status.alert_rules import State
from chat.telemetry import registry

NOW = datetime.now(UTC)
MB = 1048576
MESSAGES = "GET", "/api/channels/<channel_id>/messages"
NOTHING = {"drill": None, "drill_known": True}
INFO = {
    "valkey_version": "9.1.2", "uptime_in_seconds": 86_400, "role": "master", "connected_slaves": 2,
    "aof_enabled": 0, "rdb_last_bgsave_status": "ok",
    "figures": {"used": 69 * MB, "limit": 100 * MB, "clients": 12, "keys": 80},
}  # fmt: skip
MONGO = {"version": "8.0.1", "set": "rs0", "members": 3, "backup": {}, "open": 1234, "free": 50_000,
         "resident": 512 * MB}  # fmt: skip


def row(figure, *times):
    """A histogram's row: (seconds, how often)."""
    found = [0.0] * (len(figure.buckets) + 2)
    for seconds, number in times:
        found[sum(seconds > edge for edge in figure.buckets)] += number
        found[-1] += seconds * number
    return found


def shortly(text):
    """With plain spaces alone."""
    return " ".join(text.split())


class Facts:
    """What is known, as a test changes it, and the page that comes of it."""

    def __init__(self, app, monkeypatch):
        self.app = app
        self.gauges = {
            registry.REDIS_UP: 1, registry.REDIS_MEMORY: 69 * MB,
            registry.REDIS_MEMORY_LIMIT: 100 * MB, registry.REDIS_CLIENTS: 250,
            registry.REDIS_KEYS: 12_345, registry.POOL_IN_USE: 3,
            registry.POOL_LIMIT: 50, registry.SOCKETS: 9,
        }  # fmt: skip
        self.counts = {}
        now = time.time()
        self.info = INFO | {"at": now, "rdb_last_save_time": now - 5 * 3600}
        self.seen = {"redis": self.info, "mongo": MONGO}
        self.door = {"status": "up", "since": NOW.isoformat(), "next_retry_s": None, "error": None,
                     "latency_ms": 1.2}  # fmt: skip
        app.extensions["chat_status"].mongo.record(None, 3.4)
        monkeypatch.setattr(page, "together", self._snapshot)
        monkeypatch.setattr(page.group, "seen", lambda: self.seen)
        monkeypatch.setattr(page.redis, "state", lambda: self.door)
        monkeypatch.setattr(page.presence, "online", lambda: {str(n) for n in range(7)})
        monkeypatch.setattr(page.presence, "is_known", lambda: True)

    def _snapshot(self):
        gauges = {figure.name: [((), value)] for figure, value in self.gauges.items()}
        counts = {figure.name: pairs for figure, pairs in self.counts.items()}
        return {
            **snapshot.own(),
            "gauges": gauges,
            "counts": {**snapshot.own()["counts"], **counts},
        }

    def page(self, language="en", **more):
        with (
            self.app.app_context(),
            self.app.test_request_context(headers={"Accept-Language": language}),
        ):
            return unescape(render_template("admin/_live.html", **(page.live() | NOTHING | more)))

    def of(self, part, **options):
        """The facts of a part, by what they are called."""
        html = self.page(**options)
        html = html[html.index(part) :].partition("</dl>")[0]
        pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html, re.S)
        return {name: shortly(re.sub(r"<[^>]+>", " ", text)) for name, text in pairs}

    def verdict(self, **options):
        html = self.page(**options)
        return shortly(re.sub(r"<[^>]+>", "", html.partition("</section>")[0]))


@pytest.fixture
def facts(app, monkeypatch):
    return Facts(app, monkeypatch)


@pytest.mark.parametrize(("used", "level"), [(69, "ok"), (75, "warn"), (85, "danger")])
def test_memory_is_shown_against_70_and_80_percent(facts, used, level):
    facts.gauges[registry.REDIS_MEMORY] = used * MB
    shown = facts.of("<h3>Redis")
    assert shown["Memory"].startswith(f"{used} MB of 100 MB, {used} %")
    bar = re.search(r'<svg class="gauge"[^>]*data-level="(\w+)">(.*?)</svg>', facts.page())
    assert bar[1] == level
    assert f'class="gauge-full" width="{used}.0"' in bar[2]
    assert re.findall(r'"gauge-mark" d="M(\d+) 0', bar[2]) == ["70", "80"]


def test_redis_is_shown_with_all_that_is_known_of_it(facts):
    shown = facts.of("<h3>Redis")
    with facts.app.test_request_context():
        assert shown["Up since"] == shortly(formats.when(NOW.isoformat()))
    assert shown["Latency"] == "1.2 ms"
    assert shown["Version"] == "Valkey 9.1.2"
    assert shown["Connections"] == "250 of 1,000 at most"
    assert 'width="25.0"' in facts.page()
    assert shown["Connection pool of this chat"] == "3 of 50 in use"
    assert shown["Keys"] == "12,345"
    assert shown["Persistence"] == "snapshots, last one succeeded"
    assert shown["Last snapshot"].startswith("5 hours ago")
    assert shown["Replication role"] == "primary"
    assert shown["Replicas"] == "2"
    facts.seen["redis"] = facts.info | {"role": "slave", "master_link_status": "up"}
    assert facts.of("<h3>Redis")["Replication role"] == "replica, connected to the primary"
    facts.seen["redis"] = facts.info | {"role": "slave", "master_link_status": "down"}
    assert facts.of("<h3>Redis")["Replication role"] == "replica, not connected to the primary"


def test_of_a_redis_that_is_away_the_last_known_is_shown_with_its_time(facts):
    assert "last known" not in facts.page()
    facts.door |= {"status": "down", "latency_ms": None, "next_retry_s": 2.5, "error": "Timeout"}
    for figure in (registry.REDIS_MEMORY, registry.REDIS_MEMORY_LIMIT, registry.REDIS_CLIENTS):
        del facts.gauges[figure]
    yesterday = (NOW - timedelta(days=1)).timestamp()
    facts.seen["redis"] = facts.info | {"at": yesterday}
    shown = facts.of("<h3>Redis")
    assert shown["Version"] == "Valkey 9.1.2"
    assert shown["Memory"].startswith("69 MB of 100 MB, 69 %")
    assert shown["Connections"] == "12 of 1,000 at most"
    assert shown["Next try"] == "in 2.5 s"
    with facts.app.test_request_context():
        iso = (NOW - timedelta(days=1)).isoformat()
        assert f"last known figures, from {formats.short_time(iso)}." in facts.page()


def replica_set(*types):
    """What the driver knows of these servers: primary, secondary, or nothing."""
    told = {}
    for number, kind in enumerate(types):
        place = (f"db{number}", 27017)
        hello = {"ok": 1, "setName": "rs0", "hosts": [], "maxWireVersion": 25, kind: True}
        told[place] = ServerDescription(place, None if kind is None else Hello(hello))
    return TopologyDescription(TOPOLOGY_TYPE.ReplicaSetWithPrimary, told, "rs0", None, None, None)


def test_a_member_of_the_replica_set_that_is_dead_is_seen(facts, monkeypatch):
    del facts.seen["mongo"]  # what the driver knows is shown before MongoDB was asked, too
    all_well = replica_set("isWritablePrimary", "secondary", "secondary")
    one_dead = replica_set("isWritablePrimary", "secondary", None)
    leaderless = replica_set("secondary", "secondary", None)
    one_left = replica_set("isWritablePrimary", None, None)
    members = server_cards.members
    for topology, servers, primary in (
        (all_well, "rs0 3 of 3 servers are up", "Primary: db0:27017"),
        (one_dead, "rs0 2 of 3 servers are up", "Primary: db0:27017"),
        (one_left, "rs0 1 of 3 servers is up", "Primary: db0:27017"),
        (leaderless, "rs0 2 of 3 servers are up", "No primary node: writing is impossible."),
    ):
        monkeypatch.setattr(server_cards, "members", lambda _ours, it=topology: members(it))
        assert facts.of("<h3>MongoDB")["Replica set"] == f"{servers} {primary}"
        html = facts.page()
        html = html[html.index("Replica set") :].partition("</dd>")[0]
        assert ('data-state="up"' in html) == (topology is all_well)


def test_mongodb_is_shown_with_its_load_where_it_may_be_asked(facts):
    shown = facts.of("<h3>MongoDB")
    with facts.app.test_request_context():
        since = facts.app.extensions["chat_status"].mongo.since
        assert shown["Up since"] == shortly(formats.when(since))
    assert shown["Latency"] == "3.4 ms"
    assert shown["Version"] == "8.0.1"
    assert shown["Connections"] == "1,234, room for 50,000 more"
    assert shown["Memory"] == "512 MB"
    facts.seen["mongo"] = {name: MONGO[name] for name in ("version", "set", "members", "backup")}
    assert not {"Connections", "Memory"} & facts.of("<h3>MongoDB").keys()


def test_people_sockets_and_traffic_are_counted(facts):
    requests = row(registry.REQUESTS, (0.02, 20))
    facts.seen["minute"] = {"at": 60.0, "deliveries": 90, "requests": requests}
    shown = facts.of('id="live-now"')
    assert shown["People online"] == "7"
    assert shown["Open browser connections"] == "9"
    assert shown["Deliveries a second"] == "1.5"
    assert shown["Requests a second"] == "0.3"
    assert shown["Response time, 95th percentile"].endswith(" ms")
    facts.seen["minute"]["requests"] = row(registry.REQUESTS, (0.02, 19))
    assert facts.of('id="live-now"')["Response time, 95th percentile"] == "–"


def test_a_cache_is_shown_with_and_without_and_sessions_by_their_store(facts):
    facts.counts = {
        registry.REQUESTS: [
            ((*MESSAGES, "2xx", "hit"), row(registry.REQUESTS, (0.002, 90), (0.009, 10))),
            ((*MESSAGES, "2xx", "miss"), row(registry.REQUESTS, (0.04, 10))),
        ],
        registry.CACHE_READS: [(("cache:messages:recent:*", "hit"), 9000),
                            (("cache:messages:recent:*", "miss"), 1000)],
        registry.SESSIONS: [(("redis",), 75), (("mongodb",), 25)],
        registry.SHADOW: [(("cache:site", "agreed"), 1234), (("cache:site", "stale"), 1)],
    }  # fmt: skip
    html = facts.page()
    part = html[html.index("Recent messages") :].partition("</tr>")[0]
    cells = dict(re.findall(r'data-label="([^"]*)">(.*?)</td>', part, re.S))
    cells = {name: re.sub(r"<[^>]+>", "", text).strip() for name, text in cells.items()}
    assert cells["Hit rate"] == "90 %"
    assert cells["Reads saved"] == "9,000"
    assert cells["With cache, median / 95th percentile"] == "1.8 / 7.5 ms"
    assert cells["Without cache, median / 95th percentile"] == "37.5 / 48.8 ms"
    shown = facts.of('class="facts-row"')
    assert shown["All responses with cache, median / 95th percentile"] == "1.8 / 7.5 ms"
    assert shown["Without cache"] == "37.5 / 48.8 ms"
    assert shown["Sessions found in"] == "Redis 75 %, MongoDB 25 %"
    assert shown["Checked against MongoDB"] == "1,234 values, 1 outdated"


def on(name, value):
    states = {name: State(on=True, since=time.time(), value=value)}
    return alert_rules.to_plain(states)


def test_an_alert_s_figure_and_advice_are_said_once_below_the_headline(facts):
    facts.seen["alerts"] = on("slow_get", 4.9)
    assert facts.verdict() == "Working, with issues: Slow reads from Redis."
    html = facts.page()
    assert html.count("95% of reads from Redis finish within 4.9 ms (limit 5 ms).") == 1
    assert html.count("Move Redis closer") == 1
    facts.door |= {"status": "down", "next_retry_s": 2.0}
    facts.seen["alerts"] = on("redis_unreachable", 1)
    assert facts.page().count("Check the Redis server") == 1
    facts.seen["alerts"] = {}
    assert facts.page().count("Check the Redis server") == 1


def test_in_russian_numbers_are_written_as_russians_write_them(facts):
    facts.seen["alerts"] = on("slow_get", 4.9) | on("connections", 1234.0)
    facts.gauges[registry.REDIS_MEMORY] = 69.5 * MB
    facts.door["latency_ms"] = 1.25
    text = re.sub(r"<[^>]+>", " ", facts.page("ru"))
    assert "укладываются в\xa04,9\xa0мс" in text
    assert "У\xa0Redis 1\xa0234\xa0соединения" in text
    assert "69,5\xa0МБ" in text
    assert "Сеансы найдены в" in text
    versions = {"9.1.2", "8.0.1"}
    pointed = set(re.findall(r"[\d.]*\d\.\d[\d.]*", text)) - versions
    assert {found for found in pointed if not found.startswith("127.0.0.1")} == set()


def test_a_chart_needs_three_points_and_shows_whole_people(facts, monkeypatch):
    def points(*values):
        nothing = dict.fromkeys(("hit_rate", "with", "without", "online", "deliveries"))
        return [nothing] * (144 - len(values)) + [nothing | {"online": v} for v in values]

    monkeypatch.setattr(page.last_day, "points", lambda: points(0, 0))
    html = facts.page()
    people = html[html.index("<figcaption>People online") :].partition("</figure>")[0]
    assert "each point covers ten minutes, and a line needs three" in people
    assert "<svg" not in people
    assert "last: <strong>0</strong>" in people
    monkeypatch.setattr(page.last_day, "points", lambda: points(0, 0, 0))
    html = facts.page()
    people = html[html.index("<figcaption>People online") :].partition("</figure>")[0]
    assert '<span class="chart-top" aria-hidden="true">1</span>' in people
    assert charts.draw("", "", points(3), [("online", "", "")], whole=True).top == 5


def test_a_drill_says_when_its_report_comes(facts):
    drill = {"known": False, "missing": False, "at": NOW.isoformat(), "by": "olga", "seconds": 60,
             "stopped": None}  # fmt: skip
    assert "ready in 42 seconds, when the drill is over." in facts.page(
        drill=drill, drill_left=41.7
    )
    assert "The report will be here in a moment." in facts.page(drill=drill, drill_left=0)
    assert "No report: the process" in facts.page(drill=drill | {"missing": True}, drill_left=0)
