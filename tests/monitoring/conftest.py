"""The tools of Prometheus: a machine that runs all tests must have them."""

import os
import shutil

import pytest


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        message = f"{name} is missing: install Prometheus (on Debian: apt-get install prometheus)"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return str(found)


@pytest.fixture(scope="session")
def promtool() -> str:
    return _tool("promtool")


@pytest.fixture(scope="session")
def prometheus() -> str:
    return _tool("prometheus")
