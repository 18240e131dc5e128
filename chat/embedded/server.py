"""What both servers have in common: a process, a loopback port, a folder, a log."""

from pathlib import Path
from typing import ClassVar

from chat.embedded.process import Process, free_port, is_free


class Server:
    """One server; ``start`` returns when it can be used."""

    title: ClassVar[str]
    stop_seconds: ClassVar[int]
    # Seconds before it is started again the first time, the second, …; see ``restarts``.
    pauses: ClassVar[tuple[float, ...]] = (0.0, 1.0, 3.0, 8.0)

    def __init__(self, binary: Path, data: Path, log: Path, port: int = 0) -> None:
        self.binary, self.data, self.log = binary, data, log
        self.port = port
        self.process: Process | None = None

    def start(self) -> None:
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start the process without waiting for it, on another port if its own is taken."""
        self._stop_left_over()
        if not self.port or not is_free(self.port):
            self.port = free_port()
        self._run()

    def launch_again(self) -> None:
        """The same after it ended by itself, on its own port or not at all (``running``)."""
        self.process = None
        if is_free(self.port):
            self._run()

    def wait(self) -> None:
        """Wait until it can be used; take another port if its own was snatched."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether it can be used, as far as one can tell without waiting."""
        raise NotImplementedError

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running

    def stop(self) -> None:
        if self.process:
            self.process.stop(self.stop_seconds)

    def kill(self) -> None:
        if self.process:
            self.process.kill()

    def _run(self) -> None:
        self.process = Process(self._command(), title=self.title, log=self.log)

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _stop_left_over(self) -> None:
        """End the server of a run that was killed, should it still be there."""
        raise NotImplementedError
