"""The memory of many large answers is returned to the system."""

import subprocess
import sys

import pytest

from tests.support.processes import ROOT

# In a process of its own: the memory of this one is full of other tests'.
FLOOD = """
import gevent.monkey; gevent.monkey.patch_all()
from chat.web import memory
from chat.monitoring.sampler import resident

library = memory._library()
print(library is not None)
before = resident()
stays, answers = [], []
for number in range(3000):
    answers.append(bytes(100_000))
    stays.append(bytes(600))  # lies between the large ones, as sessions and profiles do
answers.clear()
after = resident()
memory.give_back(library)
print(after - before, resident() - before)
"""


def test_free_memory_between_used_blocks_is_returned_too() -> None:
    command = [sys.executable, "-c", FLOOD]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    there, figures = done.stdout.splitlines()
    if there != "True":
        pytest.skip("another C library: nothing is done there")
    kept, left = map(int, figures.split())
    assert kept > 100_000_000, "nothing was kept, so nothing is shown"
    assert left < kept / 10


def test_a_process_that_serves_looks_after_its_memory(app, monkeypatch) -> None:
    from app import BACKGROUND
    from chat.web import memory

    assert memory in BACKGROUND
    given: list[object] = []
    sizes = iter([100, 100, 100 + memory.GROWN + 1, 100, 100, 100 + memory.GROWN + 1])

    class Enough(Exception):
        pass

    def size() -> int:
        try:
            return next(sizes)
        except StopIteration:
            raise Enough from None

    monkeypatch.setattr(memory, "resident", size)
    monkeypatch.setattr(memory, "EVERY", 0)
    monkeypatch.setattr(memory, "give_back", given.append)
    with pytest.raises(Enough):
        memory._watch("library")
    assert given == ["library"] * 2
