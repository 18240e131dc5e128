"""An object in a process of its own, so that the clients' CPU time is not the server's."""

import contextlib
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

ANSWER_SECONDS, END_SECONDS = 120, 5


class Remote:
    """`remote.ask("method", ...)` calls a method of `make()` over there and returns its answer."""

    def __init__(self, make: Callable[[], Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, method: str, *args: Any) -> Any:
        """Its answer; what it raised is raised here."""
        self._line.send((method, args))
        if not self._line.poll(ANSWER_SECONDS):
            raise TimeoutError(f"{method} took more than {ANSWER_SECONDS} s")
        failed, answer = self._line.recv()
        if failed:
            raise RuntimeError(f"{method}: {answer}")
        return answer

    def close(self) -> None:
        """End the process."""
        self._line.close()
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def __enter__(self) -> "Remote":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _serve(line: Connection, make: Callable[[], Any]) -> None:
    with contextlib.suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        served = make()
        while True:
            method, args = line.recv()
            try:
                line.send((False, getattr(served, method)(*args)))
            except Exception as error:  # noqa: BLE001 - raised on the other side
                line.send((True, repr(error)))
