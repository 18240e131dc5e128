"""Posts alerts in a channel (ALERT_CHANNEL), in the background of the process that runs the loop.

All groups of processes store their alerts in MongoDB (``chat.models.alert``), and each notice there
is posted once. While MongoDB is down nothing can be posted; alerts that began and ended meanwhile
are posted afterwards.
"""

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import gevent
import pymongo
from flask import Flask
from flask_babel import force_locale
from gevent.event import Event

from chat.models import Alert, Channel
from chat.models.background import go_on
from chat.monitoring.status import alert_rules, alert_texts
from chat.monitoring.status.alert_rules import Rule, State
from chat.services import system_messages

log = logging.getLogger(__name__)

EVERY = 10.0
PATIENCE = 5.0
MOST_MISSED = 50
MISSING, ARCHIVED = "missing", "archived"
Turned = Sequence[tuple[Rule, State, State]]
_TROUBLE = {
    MISSING: "ALERT_CHANNEL: there is no channel %r: alerts are told in the log only",
    ARCHIVED: "ALERT_CHANNEL: the channel %r is archived: alerts are told in the log only",
}


class Herald:
    """Stores the alerts of this group of processes, and posts the notices that are due."""

    def __init__(self, app: Flask, group: str) -> None:
        self.app, self.group = app, group
        self.slug = (app.config.get("ALERT_CHANNEL") or "").lstrip("#")
        self.trouble = ""  # why no notice can be posted
        self._on: dict[str, State] = {}
        self._missed: deque[tuple[str, State, float]] = deque(maxlen=MOST_MISSED)
        self._wake = Event()
        self._greenlet: gevent.Greenlet | None = None

    def hear(self, states: Mapping[str, State], turned: Turned, now: float) -> None:
        """Take the current alerts and those that began or ended. Never waits."""
        if not self.slug:
            return
        if self.note(states, turned, now):
            self._wake.set()
        if not self._greenlet:
            self._greenlet = gevent.spawn(self._run)

    def note(self, states: Mapping[str, State], turned: Turned, now: float) -> bool:
        """Remember the alerts for the next run; True if that should be now."""
        self._on = {rule.name: state for rule, state in alert_rules.active(states)}
        for rule, before, after in turned:
            if not after.on:
                self._missed.append((rule.name, before, now))
        return bool(turned)

    def stop(self) -> None:
        if self._greenlet:
            self._greenlet.kill(block=False)
        self._greenlet = None

    def _run(self) -> None:
        while True:
            self._wake.clear()
            with (
                go_on(log, "alerts could not be said in the channel"),
                self.app.app_context(),
                pymongo.timeout(PATIENCE),
            ):
                self.look()
            self._wake.wait(EVERY)

    def look(self) -> None:
        """Store the alerts of this group, and post all due notices, also those of other groups."""
        channel = self._channel()
        while self._missed:
            name, before, ended = self._missed[0]  # if it is stored already, nothing changes
            Alert.episode(name, _moment(before.since or ended), _moment(ended), before.value)
            self._missed.popleft()
        for name, state in list(self._on.items()):
            Alert.hold(name, self.group, _moment(state.since or 0), state.value)
        for row in Alert.open_ones():
            if self.group in row["by"] and row["_id"] not in self._on:
                Alert.let_go(row["_id"], self.group)
                del row["by"][self.group]
            if row.get("on"):
                Alert.end(row)
        for row in Alert.open_ones():
            for due in row["due"]:
                self._say(channel, row["_id"], due)

    def _say(self, channel: dict[str, Any] | None, name: str, due: dict[str, Any]) -> None:
        """Post a notice. Without a usable channel it is dropped, not kept for later."""
        if channel is not None and name in alert_rules.BY_NAME:
            with force_locale(system_messages.site_language()):
                site = self.app.config.get("PUBLIC_URL")
                text = alert_texts.message(name, due["on"], due["value"], due["lasted"], site)
                system_messages.post(channel, text, f"alert-{due['id']}")
        Alert.said(name, due)

    def _channel(self) -> dict[str, Any] | None:
        """The channel, by its current or a former address. If unusable: None, and one log line."""
        found = Channel.find_by_slug(self.slug)
        trouble = ""
        if found is None or found["kind"] == "direct":
            trouble = MISSING
        elif found["archived"]:
            trouble = ARCHIVED
        if trouble != self.trouble:
            if trouble:
                log.warning(_TROUBLE[trouble], self.slug)
            else:
                log.warning("ALERT_CHANNEL: alerts are told in the channel %r", self.slug)
            self.trouble = trouble
        return None if trouble else found


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
