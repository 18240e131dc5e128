"""Sends alerts to a webhook (ALERT_WEBHOOK), in the background. A failure is logged once."""

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
    """Does not follow redirects: only the address in the setting gets alerts."""

    def redirect_request(self, *_args: Any, **_options: Any) -> None:
        return None


class Outward:
    """The queue of alerts, which are sent one after the other."""

    def __init__(self) -> None:
        self._waiting: Queue = Queue(maxsize=MOST_WAITING)
        self._greenlet: gevent.Greenlet | None = None
        self._failing = False

    def tell(self, url: str, what: dict[str, Any]) -> None:
        """Queue an alert for sending. Never waits; if the queue is full, the alert is dropped."""
        try:
            self._waiting.put_nowait((url, what))
        except Full:
            return
        if not self._greenlet:
            self._greenlet = gevent.spawn(self._send_all)

    def stop(self) -> None:
        """Stop sending. Unsent alerts are dropped."""
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
        except (Exception, gevent.Timeout) as error:  # noqa: BLE001 - the receiver may do anything
            if not self._failing:
                log.warning("ALERT_WEBHOOK cannot be told: %s", type(error).__name__)
            self._failing = True
            return False
        self._failing = False
        return True


outward = Outward()
