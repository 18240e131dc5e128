"""The report of a fire drill: each group of processes counts and stores its part."""

import logging
from collections.abc import Callable
from typing import Any

from bson import ObjectId
from flask_babel import gettext as _
from pymongo.errors import PyMongoError

from chat.cache import fire_drill
from chat.models import Drill
from chat.monitoring.status import samples
from chat.monitoring.status.samples import Sample

log = logging.getLogger(__name__)

AFTER_SECONDS = 30.0
_KEPT = ("at", "requests", "posts", "failed", "lost")


class Reporter:
    """Keeps a sample at each step of a drill and stores the differences; in the leader."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.run: ObjectId | None = None
        self.marks: dict[str, Sample] = {}
        self.told: set[str] = set()

    def look(self, sample: Sample, minute_ago: Callable[[], Sample]) -> None:
        """Keep the sample if the drill took a step, and store the parts that are complete."""
        phase, run = fire_drill.phase(), fire_drill.run()
        if phase in (fire_drill.NEAR, fire_drill.AWAY) and run != self.run:
            self.run, self.told = run, set()
            self.marks = {"minute": minute_ago(), "near": sample}
        if run is None or run != self.run or "near" not in self.marks:
            return
        if phase == fire_drill.AWAY:
            self.marks.setdefault("cut", sample)
        elif phase != fire_drill.NEAR and "cut" in self.marks:
            self.marks.setdefault("end", sample)
        if "end" in self.marks and self._has_lasted(sample):
            self.marks.setdefault("after", sample)
        self._tell()

    def _has_lasted(self, sample: Sample) -> bool:
        length = self.marks["end"]["at"] - self.marks["cut"]["at"]
        return bool(sample["at"] - self.marks["end"]["at"] >= min(AFTER_SECONDS, length))

    def _tell(self) -> None:
        parts = {"before": ("minute", "near"), "during": ("cut", "end"), "after": ("end", "after"),
                 "until_end": ("near", "end"), "whole": ("near", "after")}  # fmt: skip
        for part, (old, new) in parts.items():
            if part in self.told or not {old, new} <= self.marks.keys():
                continue
            between = samples.since(self.marks[old], self.marks[new])
            assert self.run is not None
            try:
                counted = {name: between[name] for name in _KEPT}
                Drill.report(self.run, self.group, part, counted)
            except PyMongoError as error:
                log.debug("report of a fire drill: %s", error)
                return
            self.told.add(part)


def read(stored: dict[str, Any]) -> dict[str, Any]:
    """The report of a stored drill: times before, during and after it, sends and log-outs."""
    groups = list(stored["groups"].values())

    def of(part: str) -> Sample:
        return samples.added([group[part] for group in groups if part in group])

    whole = of("whole") or of("until_end")
    times = {
        part: {
            "p95": samples.time_of(of(part).get("requests"), 0.95),
            "count": samples.count_of(of(part).get("requests")),
        }
        for part in ("before", "during", "after")
    }
    counted = {name: int(whole.get(name, 0)) for name in ("posts", "failed", "lost")}
    state, sentence = _said(**counted)
    return {
        "times": times,
        **counted,
        "state": state,
        "sentence": sentence,
        "known": bool(whole),
        "complete": bool(groups) and all("whole" in group for group in groups),
    }


def _said(posts: int, failed: int, lost: int) -> tuple[str, str]:
    """(state, sentence). Only if somebody wrote can it say that nobody was affected."""
    if failed or lost:
        return "down", _("Someone was affected.")
    if not posts:
        return "disabled", _("No one wrote anything in the meantime, and no one was logged out.")
    return "up", _("No one was affected.")
