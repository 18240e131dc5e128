"""A child process that never outlives its parent, and the free ports it may listen on."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from chat.embedded import EmbeddedError

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.02
PR_SET_PDEATHSIG = 1
# macOS answers EPERM where a group holds nothing but processes that have ended.
GONE = (ProcessLookupError, PermissionError)
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def listens(port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


class Process:
    """A child in a session of its own: a terminal's Ctrl-C reaches the parent alone, which then
    stops its children in order. Should the parent be killed, the kernel stops the child (on Linux;
    elsewhere the next start ends the servers that were left, see ``stop_orphan``)."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        title: str,
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.title = title
        self.log = log
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if log else None
        try:
            self.popen = subprocess.Popen(
                command,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if log else None,
                start_new_session=True,
                preexec_fn=die_with(os.getpid()),
            )
        except OSError as error:
            raise EmbeddedError(f"{command[0]} cannot be run ({error.strerror}).") from None
        finally:
            if output is not None:
                os.close(output)

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> bool:
        """True once ``ready``; False when the process ended first; an error when time ran out."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.running:
                return False
            if ready():
                return True
            time.sleep(POLL_SECONDS)
        raise EmbeddedError(f"{self.title} did not answer within {seconds:.0f} s{self._see()}.")

    def stop(self, seconds: float) -> None:
        """Ask it to end; insist after ``seconds``. Its own children do not outlive it, even if it
        was killed and could not tell them."""
        with contextlib.suppress(*GONE):
            if self.running:
                self.popen.send_signal(signal.SIGTERM)
            else:
                os.killpg(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self._group_is_alive() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End it and its own children at once."""
        with contextlib.suppress(*GONE):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait()

    def _group_is_alive(self) -> bool:
        self.popen.poll()  # what has ended counts until it is reaped
        try:
            os.killpg(self.pid, 0)
        except GONE:
            return False
        return True

    def failure(self) -> EmbeddedError:
        """What to say when it ended by itself."""
        return EmbeddedError(f"{self.title} ended ({self.how_it_ended}){self._see()}.")

    @property
    def how_it_ended(self) -> str:
        """By which signal, or with which status."""
        status = self.popen.returncode or 0
        if status >= 0:
            return f"status {status}"
        known = {sign.value: sign.name for sign in signal.Signals}
        return f"killed by {known.get(-status, f'signal {-status}')}"

    def _see(self) -> str:
        return f": see {self.log}" if self.log else ""


def stop_orphan(pid: int, mark: str, seconds: float = 15) -> None:
    """End a server left over by a run that was killed, recognised by ``mark`` in its command."""
    deadline = time.monotonic() + seconds
    sign = signal.SIGTERM
    while mark in _command_of(pid):
        if time.monotonic() > deadline:
            sign = signal.SIGKILL
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)
        time.sleep(0.05)


def _command_of(pid: int) -> str:
    """The command line of a running process; nothing for one that has ended."""
    if pid <= 0:
        return ""
    if Path("/proc/self").exists():  # a small machine may have no ps
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            return ""
    listing = ["ps", "-o", "args=", "-p", str(pid)]
    return subprocess.run(listing, capture_output=True, text=True, check=False).stdout


def die_with(parent: int) -> Callable[[], None] | None:
    """What a child calls first, so that the kernel ends it should ``parent`` die (Linux only)."""
    if _libc is None:
        return None
    libc = _libc

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    return ask_kernel
