"""Alerts in a channel (ALERT_CHANNEL), in the process that looks. Nobody ever waits for it.

What is said, and that it is said once, is decided by what is stored (``chat.models.alert``), not
by who saw it. While MongoDB is away nothing can be said; what began and ended meanwhile is said
afterwards.
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
from chat.models.base import DATABASE_GONE
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
    """What this group of processes sees, and the telling of it."""

    def __init__(self, app: Flask, group: str) -> None:
        self.app, self.group = app, group
        self.slug = (app.config.get("ALERT_CHANNEL") or "").lstrip("#")
        self.trouble = ""  # why nothing can be said in the channel
        self._on: dict[str, State] = {}
        self._missed: deque[tuple[str, State, float]] = deque(maxlen=MOST_MISSED)
        self._wake = Event()
        self._greenlet: gevent.Greenlet | None = None

    def hear(self, states: Mapping[str, State], turned: Turned, now: float) -> None:
        """How things stand. Never waits."""
        if not self.slug:
            return
        if self.note(states, turned, now):
            self._wake.set()
        if not self._greenlet:
            self._greenlet = gevent.spawn(self._run)

    def note(self, states: Mapping[str, State], turned: Turned, now: float) -> bool:
        """Remember it for the next look; whether that should be now."""
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
            try:
                with self.app.app_context(), pymongo.timeout(PATIENCE):
                    self.look()
            except DATABASE_GONE as error:
                log.debug("alerts in a channel: %s", error)
            except Exception:
                log.exception("alerts in a channel")
            self._wake.wait(EVERY)

    def look(self) -> None:
        """Store what this group sees, and say what is due, whoever saw it."""
        channel = self._channel()
        while self._missed:
            name, before, ended = self._missed[0]  # what could be stored already, is left alone
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
        """Say it, if there is where to; what cannot be said now is not said later either."""
        if channel is not None and name in alert_rules.BY_NAME:
            with force_locale(system_messages.site_language()):
                site = self.app.config.get("PUBLIC_URL")
                text = alert_texts.message(name, due["on"], due["value"], due["lasted"], site)
                system_messages.post(channel, text, f"alert-{due['id']}")
        Alert.said(name, due)

    def _channel(self) -> dict[str, Any] | None:
        """Where to speak, by its address or one that it had; None, and one line in the log."""
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
