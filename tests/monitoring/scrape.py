"""Parses /metrics as Prometheus does."""

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.waiting import SECONDS


class Scrape:
    """One answer of /metrics."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = [s for family in self.families.values() for s in family.samples]

    def of(self, name: str, **labels: str) -> float:
        """The sum of all samples of this name with these labels; 0 if there is none."""
        return sum(s.value for s in self._all(name, labels))

    def has(self, name: str, **labels: str) -> bool:
        return bool(self._all(name, labels))

    def labels(self, name: str, label: str) -> set[str]:
        """Which values a label has."""
        return {s.labels[label] for s in self._all(name, {})}

    def _all(self, name: str, labels: dict[str, str]) -> list:
        wanted = labels.items()
        return [s for s in self.samples if s.name == name and wanted <= s.labels.items()]


def ask(url: str, **headers: str) -> requests.Response:
    return requests.get(f"{url}/metrics", headers=headers, timeout=SECONDS)


def scrape(url: str) -> Scrape:
    answer = ask(url)
    assert answer.status_code == 200, answer.text
    return Scrape(answer.text)
