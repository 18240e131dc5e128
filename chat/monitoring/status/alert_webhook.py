"""Alerts to a webhook (ALERT_WEBHOOK). Nobody ever waits for it; a failure is logged once."""

import json
import logging
from typing import Any
from urllib.request import HTTPRedirectHandler, Request, build_opener

import gevent
from gevent.queue import Full, Queue

log = logging.getLogger(__name__)

TIMEOUT = 3.0
MOST_WAITING = 100
TRIES, PAUSE = 3, 2.0


class Stay(HTTPRedirectHandler):
    """Whom the setting names is told, nobody else."""

    def redirect_request(self, *_args: Any, **_options: Any) -> None:
        return None


class Outward:
    """What is to be told, one after the other."""

    def __init__(self) -> None:
        self._waiting: Queue = Queue(maxsize=MOST_WAITING)
        self._greenlet: gevent.Greenlet | None = None
        self._failing = False

    def tell(self, url: str, what: dict[str, Any]) -> None:
        """Never waits. If nobody takes what is told, what comes last is dropped."""
        try:
            self._waiting.put_nowait((url, what))
        except Full:
            return
        if not self._greenlet:
            self._greenlet = gevent.spawn(self._send_all)

    def stop(self) -> None:
        """What has not been sent by now is dropped."""
        if self._greenlet:
            self._greenlet.kill(block=False)
        self._greenlet = None

    def _send_all(self) -> None:
        while True:
            url, what = self._waiting.get()
            for attempt in range(TRIES):
                if self._send(url, what):
                    break
                gevent.sleep(PAUSE * attempt)

    def _send(self, url: str, what: dict[str, Any]) -> bool:
        body = json.dumps(what, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "chat"}
        try:
            with gevent.Timeout(TIMEOUT + 1):
                request = Request(url, body, headers)
                build_opener(Stay).open(request, timeout=TIMEOUT).close()
        except (Exception, gevent.Timeout) as error:  # noqa: BLE001 - whatever the other end does
            if not self._failing:
                log.warning("ALERT_WEBHOOK cannot be told: %s", type(error).__name__)
            self._failing = True
            return False
        self._failing = False
        return True


outward = Outward()
