"""Cases of a test of which a few are enough for most runs."""

from collections.abc import Iterable
from typing import Any

import pytest


def long_but(cases: Iterable[Any], *quick: Any) -> list[Any]:
    """These cases for ``parametrize``, or as ``params`` of a fixture; all but the quick ones are
    left to ``make test-all``. For cases that differ in a width, a language or a kind, where what
    makes them pass is the same."""
    cases = list(cases)
    assert all(case in cases for case in quick)
    return [case if case in quick else _long(case) for case in cases]


def _long(case: Any) -> Any:
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.long)
