"""A bare Socket.IO server on Node (`node_server.mjs`): the floor of `fanout` and `arrivals`."""

import shutil
from pathlib import Path

import psutil

from benchmarks.stage import App
from chat.embedded.process import Process
from tests.support.processes import ROOT

SCRIPT = Path(__file__).with_name("node_server.mjs")


class Node(App):
    """One Node process in place of gunicorn and its worker."""

    def launch(self) -> None:
        node = shutil.which("node")
        if node is None:
            raise RuntimeError("There is no Node on the PATH.")
        command = [node, str(SCRIPT)]
        self.process = Process(command, title="Node", log=self.log, env=self.env, cwd=ROOT)

    def find_worker(self) -> psutil.Process:
        assert self.process is not None
        return psutil.Process(self.process.pid)
