"""What people are promised does not depend on how much of Redis is used (R19, R20).

The short form of ``make test-without-redis``: a few of its tests, in a run of their own.
"""

import os
import subprocess
import sys

import pytest

from tests.support.processes import ROOT
from tests.support.share import VARIABLE

QUICK = ("tests/api/test_messages.py",)
ALL = (*QUICK, "tests/views/test_first_pages.py", "tests/auth/test_permissions.py")


@pytest.mark.parametrize(
    ("share", "tests"),
    [
        ("off", QUICK),
        pytest.param("off", ALL, marks=pytest.mark.long),
        pytest.param("50", ALL, marks=pytest.mark.long),
    ],
    ids=["off", "off-all", "50-all"],
)
def test_what_people_are_promised_is_the_same(share: str, tests: tuple[str, ...]) -> None:
    if os.environ.get(VARIABLE):
        pytest.skip("this is such a run")
    alone = ["-p", "no:xdist", "-p", "no:cacheprovider"]  # no workers, no notes of its own
    command = [sys.executable, "-m", "pytest", "-q", "-x", *alone, *tests]
    env = {**os.environ, VARIABLE: share}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
