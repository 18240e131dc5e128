"""The shipped rules and dashboard on a real Prometheus that scrapes a running app."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from chat.embedded.process import LOOPBACK, Process
from chat.telemetry import registry
from tests.support.people import Person
from tests.support.ports import free_port
from tests.support.processes import ROOT, Launcher
from tests.support.waiting import eventually

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "chat.json"
UNIT_TESTS = Path(__file__).with_name("alerts.test.yml")
METRIC = re.compile(r"\bchat_\w+(?:\{[^}]*\})?")
THRESHOLD = re.compile(r"\s(?:[<>]=?|[=!]=)\s*-?[\d.]+")
LABEL = re.compile(r"\$labels\.(\w+)")
# What is there without anybody having done anything wrong.
FIRING_WHEN_WELL: set[str] = set()
WANTED = {
    "Keys", "used_memory", "connected_clients", "Hit rate", "Stale rate",
    "Response time with and without cache", "MongoDB query reduction",
}  # fmt: skip


def panels() -> list[dict[str, Any]]:
    found = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def queries() -> list[tuple[str, str]]:
    """(where, what is asked), with Grafana's variables filled in."""
    asked = [(p["title"], target["expr"]) for p in panels() for target in p["targets"]]
    return [(title, e.replace("$__rate_interval", "15s").replace("$instance", ".*"))
            for title, e in asked]  # fmt: skip


class Prometheus(Process):
    """A server that reads one app every second, by the rules as shipped."""

    def __init__(self, folder: Path, program: str, app_port: int) -> None:
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        config = folder / "prometheus.yml"
        shipped = (ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8")
        config.write_text(
            shipped.replace("15s", "1s")
            .replace("alerts.yml", str(RULES))
            .replace("127.0.0.1:5000", f"{LOOPBACK}:{app_port}"),
            encoding="utf-8",
        )
        command = [program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
                   f"--web.listen-address={LOOPBACK}:{port}"]  # fmt: skip
        super().__init__(command, title="prometheus", log=folder / "prometheus.log")

    def ask(self, path: str, **query: str) -> Any:
        answer = requests.get(f"{self.url}/api/v1/{path}", params=query, timeout=30).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def values(self, expression: str) -> list[float]:
        return [float(one["value"][1]) for one in self.ask("query", query=expression)["result"]]

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/-/ready", timeout=5).ok
        except requests.RequestException:
            return False


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory, mongod) -> Iterator[Launcher]:
    launcher = Launcher(tmp_path_factory.mktemp("watched"), mongod.uri)
    launcher(SHADOW_SAMPLE="100", WEB_CONCURRENCY="2")
    yield launcher
    launcher.close()


@pytest.fixture(scope="module")
def watched(
    launched: Launcher, prometheus: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    app = launched.launched[0]
    server = Prometheus(tmp_path_factory.mktemp("prometheus"), prometheus, app.port)
    try:
        assert server.wait_until(server.is_ready, 60)
        eventually(lambda: server.values("chat_worker_processes") == [2])
        use(app.url, server, launched.redis[0].client())
        yield server
    finally:
        server.stop(30)


def use(url: str, server: Prometheus, redis: Any) -> None:
    """A bit of everything, in the time of some scrapes, until all of it has been seen."""
    person = Person(url).set_up()
    channel = person.new_channel()
    tab = person.tab()

    def moved(*asked: str) -> bool:
        message = person.say(channel, "something new")
        redis.delete(f"cache:messages:recent:{channel['id']}")  # or nothing would ever be missed
        for path in ("channels", f"channels/{channel['id']}/messages", "users", "emoji"):
            for _ in range(3):
                person.api("GET", f"/api/{path}")
        person.get("/channels/" + channel["slug"])
        rev = max(0, message["rev"] - 1)
        tab.socket.call("channel:open", {"channel": channel["id"], "after": 1, "rev": rev})
        return all(any(value > 0 for value in server.values(one)) for one in asked)

    eventually(
        lambda: moved(
            'rate(chat_cache_shadow_checks_total{verdict="agreed"}[15s])',
            'rate(chat_http_request_duration_seconds_count{answered="hit"}[15s])',
            'rate(chat_http_request_duration_seconds_count{answered="miss"}[15s])',
            "chat_redis_keys",
            "chat_sockets_open",
        ),
        every=0.3,
    )
    tab.close()


def test_every_panel_of_the_dashboard_has_data(watched):
    empty = [(title, asked) for title, asked in queries() if not watched.values(asked)]
    assert empty == []


@pytest.mark.parametrize("title", sorted(WANTED))
def test_the_required_panels_exist_and_show_numbers(watched, title):
    asked = [expression for name, expression in queries() if name == title]
    assert asked
    for expression in asked:
        values = watched.values(expression)
        assert values
        assert all(value == value for value in values), expression  # NaN is no number


def test_every_figure_that_a_rule_looks_at_has_data_and_no_rule_fires_when_all_is_well(watched):
    groups = eventually(lambda: watched.ask("rules")["groups"])
    rules = [rule for group in groups for rule in group["rules"]]
    eventually(lambda: all(r["health"] == "ok" for r in watched.ask("rules")["groups"][0]["rules"]))
    for rule in rules:
        assert {"summary", "advice"} <= rule["annotations"].keys()
        for figure in METRIC.findall(rule["query"]):
            assert watched.values(figure), (rule["name"], figure)
    firing = {alert["labels"]["alertname"] for alert in watched.ask("alerts")["alerts"]
              if alert["state"] == "firing"}  # fmt: skip
    assert firing == FIRING_WHEN_WELL


def test_each_rule_has_something_to_compare_with_its_threshold(watched):
    """A join or a sum by a label that does not fit finds nothing, and so never anything wrong."""
    groups = eventually(lambda: watched.ask("rules")["groups"])
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) >= 10
    for rule in rules:
        told: set[str] = set()
        for part in THRESHOLD.sub("", rule["query"]).split(" or "):
            found = watched.ask("query", query=part)["result"]
            assert found, (rule["name"], part)
            assert all(float(one["value"][1]) == float(one["value"][1]) for one in found), part
            told.update(*(one["metric"] for one in found))
        said = LABEL.findall(" ".join(rule["annotations"].values()))
        assert set(said) <= told, (rule["name"], said, told)


def test_an_outage_of_redis_is_raised_by_its_rule(watched, launched):
    redis = launched.redis[0]
    redis.kill()
    try:
        eventually(lambda: "ChatRedisUnreachable" in {
            alert["labels"]["alertname"] for alert in watched.ask("alerts")["alerts"]
        })  # fmt: skip
    finally:
        redis.start()


def test_the_dashboard_and_the_rules_ask_for_nothing_that_there_is_not():
    known = set(registry.BY_NAME)
    asked = [expression for _, expression in queries()] + [RULES.read_text(encoding="utf-8")]
    used = {name for text in asked for name in re.findall(r"\bchat_\w+", text)}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in used} - known == set()


def test_each_figure_is_on_the_dashboard():
    shown = " ".join(expression for _, expression in queries())
    apart = {registry.REDIS_ENABLED.name, registry.FIRE_DRILL.name}  # for the rules
    assert [n for n in registry.BY_NAME if n not in shown and n not in apart] == []


def test_each_rule_fires_when_it_should_and_is_silent_when_not(promtool):
    done = subprocess.run([promtool, "test", "rules", str(UNIT_TESTS)], capture_output=True,
                          text=True)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    tested = UNIT_TESTS.read_text(encoding="utf-8")
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))
    assert len(alerts) >= 10
    assert [a for a in alerts if tested.count(a) < 2] == []


def test_the_configuration_as_shipped_is_valid(promtool):
    config = ROOT / "deploy" / "prometheus" / "prometheus.yml"
    done = subprocess.run([promtool, "check", "config", str(config)], capture_output=True)
    assert done.returncode == 0, done.stdout
