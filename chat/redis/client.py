"""The door to Redis: every call of the application goes through the one ``redis`` object here."""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from flask import Flask

from chat.redis import deadline, recovery, scripts, watch
from chat.redis.breaker import Breaker
from chat.redis.connect import Connector, is_configured
from chat.redis.errors import (
    BUG,
    DENIED,
    DOWN,
    LOAD,
    OUTAGE,
    POISON,
    Down,
    has_answered,
    is_moving,
    kind_of,
)
from chat.redis.listeners import Listeners
from chat.redis.mark import Elsewhere
from chat.redis.pipeline import ServerClient
from chat.redis.reasons import describe
from chat.redis.shared_client import SharedClient
from chat.redis.timeouts import POOL_WAIT
from chat.telemetry import events as telemetry

T = TypeVar("T")
FIRST_PATIENCE = 1.0  # seconds
DISABLED = {"status": "disabled"}
log = logging.getLogger(__name__)

# Set in the one greenlet that recovers: it may call Redis while the breaker is open.
_recovering: ContextVar[bool] = ContextVar("redis_recovering", default=False)


class Disabled(RuntimeError):
    """Redis is switched off by DISABLE_REDIS."""


class Door(Listeners):
    """Makes all calls to Redis. A call returns an answer or DOWN and raises no error of Redis.

    Connections are made at the first use in each process, never in a parent before the fork.
    """

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker()
        self.kept = SharedClient()
        self.counts: Counter[str] = Counter()  # errors by kind, for the metrics
        self.poisoned = False  # some key is not as declared: the next recovery repairs it
        self.reached = False  # Redis is not used, but it answered when it was last called
        self.watched = False  # a health greenlet probes Redis, so requests need not
        self.run_id: str | None = None
        self.latency_ms: float | None = None
        self._looking = watch.Looking("single")
        self._connector: Connector | None = None
        self._disabled = True
        self._strict = False
        self._fresh = (
            True  # no call was made to Redis yet: its contents are as suspect as after an outage
        )
        self._kept_out = ""  # why Redis must not be used now, although it might answer
        self._probing = threading.Lock()

    def init_app(self, app: Flask) -> None:
        """Read the settings and reset all state. Makes no connection."""
        self.close()
        self.breaker, self.run_id, self.latency_ms = Breaker(), None, None
        self.kept.mark.drop()
        self.counts.clear()
        self.poisoned = self.reached = False
        self._fresh = True
        self._kept_out = ""
        self._forget_all()
        # Without an address Redis is off: the default port may belong to another program's Redis.
        self._disabled = bool(app.config.get("DISABLE_REDIS")) or not is_configured(app)
        self._strict = bool(app.config.get("TESTING"))
        self._connector = None if self._disabled else Connector(app.config)
        self._looking = watch.Looking(self._connector.mode if self._connector else "single")

    # -- asking ----------------------------------------------------------------------------------

    @property
    def enabled(self) -> bool:
        return not self._disabled

    @property
    def connector(self) -> Connector:
        if self._connector is None:
            raise Disabled("Redis is switched off (DISABLE_REDIS)")
        return self._connector

    def call(self, fn: Callable[[Any], T], what: str = "", spare: bool = False) -> T | Down:
        """What `fn(client)` returns, or DOWN. Returns at once while Redis is known to be down.

        ``spare``: skip this call (DOWN) if the request has already waited for Redis long enough
        (``chat.redis.deadline``). Only for calls that may be skipped while Redis is up, never for
        a call that announces a write.
        """
        if not self._may_pass():
            if self.enabled:
                telemetry.fallback("open")
            return DOWN
        if spare and deadline.is_at_end():
            telemetry.fallback("slow")
            return DOWN
        generation = self.breaker.generation
        try:
            return fn(self._get_client())
        except Exception as error:  # noqa: BLE001 - a Cluster's errors are no RedisErrors
            return self._failed(error, what, generation)

    def run(
        self, script: str, keys: list[str], args: list[Any], what: str = "", spare: bool = False
    ) -> Any:
        """Run a Lua script; its answer or DOWN. All keys must live in one Cluster slot."""
        return self.call(lambda client: scripts.run(client, script, keys, args), what, spare)

    def is_up(self) -> bool:
        return self.enabled and not self.breaker.is_open

    def is_calm(self) -> bool:
        """Whether Redis has been up for a while (``breaker.CALM``), without asking it."""
        return self.enabled and self.breaker.is_calm()

    def state(self) -> dict[str, Any]:
        """The known state for the status page and /health/redis. Does not ask Redis."""
        if not self.enabled:
            return self.breaker.report() | dict.fromkeys(("since", "latency_ms")) | DISABLED
        return self.breaker.report() | (
            {} if self.breaker.is_open else {"latency_ms": self.latency_ms}
        )

    def new_client(self, **own: Any) -> ServerClient:
        """A separate client for pub/sub and the queue. It answers bytes and raises errors."""
        return self.connector.single(**own)

    # -- being told ------------------------------------------------------------------------------

    def suspect(
        self, cause: str, reason: str = "", answers: bool = False, reached: bool = True
    ) -> None:
        """Stop trusting what Redis holds, as after an outage. Its caches are emptied before use.

        For callers that could not deliver an invalidation although Redis seemed to be up.
        ``answers``: Redis answers, only its contents are wrong. ``reached``: Redis is reachable.
        """
        if self.enabled and not _recovering.get() and self.breaker.open(cause, reason, answers):
            self.reached = reached
            log.warning("Redis is down, going on without it: %s", cause)
            self.kept.drop()
            self._tell(False)

    def refused(self, error: Exception, what: str) -> None:
        """Report an error of a separate client (``new_client``).

        If a right is missing, this process cannot send or receive events: that is an outage.
        """
        if self.is_up() and kind_of(error) == DENIED:
            self._out(error, DENIED, what)

    def distrust(self, cause: str) -> None:
        """Report a key that is not as declared. A recovery deletes it before Redis is trusted."""
        self.poisoned = True
        self.suspect(cause, answers=True)

    def keep_out(self, cause: str) -> None:
        """Work without Redis, as in an outage, until ``let_in``."""
        if self.enabled:
            self._kept_out = cause
            self.suspect(cause)

    def let_in(self) -> None:
        """Allow Redis again after ``keep_out``. It is used after a recovery, as after an outage."""
        self._kept_out = ""
        self.breaker.hurry()

    # -- the watch -------------------------------------------------------------------------------

    def check(self) -> bool:
        """One health check: probe Redis while it is up, try to recover when a try is due."""
        if not self.enabled:
            return False
        if self._fresh:
            return self.recover()
        if self.breaker.is_open:
            return self.recover() if self.breaker.due() else False
        seen = self.call(self._look, "health")
        if isinstance(seen, Down):
            return False
        self.latency_ms = seen.latency_ms
        if self.run_id and seen.run_id and seen.run_id != self.run_id:
            self.suspect("the server restarted or another one took over")
            return self.recover()
        self.run_id = seen.run_id
        return True

    def recover(self) -> bool:
        """Probe, repair and trust Redis again. Returns False if another greenlet is doing it."""
        if self._kept_out:
            return self._not_yet(self._kept_out)
        if not self._probing.acquire(blocking=False):
            return False
        token = _recovering.set(True)
        failure = reason = ""
        try:
            self.run_id = None
            self.kept.drop()
            self.kept.mark.drop()
            self._looking.begin_anew()
            client = self._get_client()
            seen = recovery.recover(client, self._looking, self._before_recovery, self._after_mark)
            self.run_id = seen.run_id
            self.kept.mark.trust(seen.epoch, seen.beat)
        except Exception as error:  # noqa: BLE001 - after any error Redis is not trusted
            failure, reason = self._why(error)
            self.reached = has_answered(error)
        finally:
            _recovering.reset(token)
            self._probing.release()
        return self._not_yet(failure, reason) if failure else self._trust()

    def keep_up(self) -> None:
        """Run the regular callbacks (``regularly``) if Redis is up."""
        if self.is_up():
            for fn in self._regularly:
                fn()

    def close(self) -> None:
        """Close this process's connections. The door can be used again afterwards."""
        self.kept.drop()

    # -- inside ----------------------------------------------------------------------------------

    def _look(self, client: Any) -> watch.Seen:
        return self.kept.mark.look(lambda: self._looking.look(client))

    def _why(self, error: Exception) -> tuple[str, str]:
        kind = kind_of(error)
        if kind == BUG:  # our own mistake prevents the recovery: log it at each try
            log.error("the recovery of Redis failed", exc_info=error)
        return describe(error, kind)

    def _not_yet(self, cause: str, reason: str = "") -> bool:
        if self._fresh:
            self._fresh = False
            self.suspect(cause, reason, reached=self.reached)
        else:
            self.breaker.failed(cause, reason)
        return False

    def _trust(self) -> bool:
        if self._kept_out:  # since the recovery began
            return self._not_yet(self._kept_out)
        self._fresh = self.poisoned = False
        if self.breaker.is_open:
            log.warning("Redis is back after %.1f s", self.breaker.close())
            self._tell(True)
        return True

    def _may_pass(self) -> bool:
        if not self.enabled:
            return False
        if _recovering.get():
            return True
        if self._fresh:
            return self._first_look()
        if not self.breaker.is_open:
            return True
        # Without a watch (a command, a test) the first caller after the pause recovers.
        return not self.watched and self.breaker.due() and self.recover()

    def _first_look(self) -> bool:
        """Wait for the first recovery of this process. Returns whether Redis may be used.

        A write that did not wait could not be announced although Redis works. Other processes
        would then answer with the value from before that write.
        """
        if self.recover():
            return True
        if self._probing.acquire(timeout=FIRST_PATIENCE):  # another greenlet recovers
            self._probing.release()
        return not self._fresh and not self.breaker.is_open

    def _get_client(self) -> Any:
        return self.kept.get(self.connector, self._check)

    def _check(self, connection: Any) -> None:
        """Raise if a new connection reached another server than the trusted one: an outage."""
        if self.run_id is not None and not _recovering.get():
            watch.same_server(connection, self.run_id)
            if self.connector.mode != "cluster":
                self.kept.mark.greet(connection)

    def _failed(self, error: Exception, what: str, generation: int) -> Down:
        kind = kind_of(error)
        self.counts[kind] += 1
        telemetry.fallback(kind)
        if kind == BUG:
            if self._strict:
                raise error
            log.error("a call to Redis is wrong (%s)", what or "unnamed", exc_info=error)
        elif kind == POISON:
            if self._strict:  # in a test a mistake of the test is more likely
                raise error
            self.distrust(f"a key is not as declared ({what}): {describe(error, kind)[0]}")
        elif kind == LOAD:
            log.debug("no free Redis connection (%s)", what)
            if not is_moving(error):
                deadline.spend(POOL_WAIT)
        elif kind in (OUTAGE, DENIED) and generation == self.breaker.generation:
            self._out(error, kind, what)
        return DOWN

    def _out(self, error: Exception, kind: str, what: str) -> None:
        if kind == DENIED and self.connector.mode != "cluster":
            self.kept.mark.drop()  # reading the mark may be refused, too
            error = watch.named(error, self._get_client)
        cause, reason = describe(error, kind)
        answers = isinstance(error, Elsewhere)
        self.poisoned = self.poisoned or answers  # the writer may have changed more than the mark
        cause = cause if reason or not what else f"{cause} ({what})"
        self.suspect(cause, reason, answers, has_answered(error))


redis = Door()  # of this process; bound to the app by ``chat.redis.init_app``
