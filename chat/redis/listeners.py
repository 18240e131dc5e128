"""Callbacks of other modules: on changes of the state of Redis, and before Redis is trusted."""

from collections.abc import Callable

from chat.redis import watch


class Listeners:
    """The base class of the door that registers callbacks."""

    def __init__(self) -> None:
        self._before_recovery: list[Callable[[], bool]] = []
        self._after_mark: list[Callable[[], bool]] = []
        self._regularly: list[Callable[[], bool]] = []
        self._on_change: list[Callable[[bool], None]] = []

    def before_recovery(self, fn: Callable[[], bool]) -> None:
        """`fn` must return True before Redis is trusted again. It may use the door."""
        self._before_recovery.append(fn)

    def after_mark(self, fn: Callable[[], bool]) -> None:
        """`fn` must return True after our mark is written and before Redis is trusted."""
        self._after_mark.append(fn)

    def regularly(self, fn: Callable[[], bool]) -> None:
        """The watch calls `fn` every few seconds while Redis is up."""
        self._regularly.append(fn)

    def on_change(self, fn: Callable[[bool], None]) -> None:
        """`fn(up)` is called at each transition. No request waits for `fn`."""
        self._on_change.append(fn)

    def _forget_all(self) -> None:
        every = (self._before_recovery, self._after_mark, self._regularly, self._on_change)
        for listeners in every:
            listeners.clear()  # type: ignore[attr-defined]

    def _tell(self, up: bool) -> None:
        for fn in self._on_change:
            watch.apart(fn, up)
