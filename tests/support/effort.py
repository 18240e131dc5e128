"""How many examples a run tries: a quarter of them where the long tests are left out."""

import os
from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

import pytest
from hypothesis import settings

T = TypeVar("T")
WHOLE = "CHAT_TEST_WHOLE"  # inherited by the workers
HYPOTHESIS_USUALLY = 100


def choose(config: pytest.Config) -> None:
    """Before any test file is read."""
    if config.option.markexpr != "not long":  # what pyproject.toml asks for
        os.environ.setdefault(WHOLE, "true")
    settings.register_profile("chat", max_examples=examples(HYPOTHESIS_USUALLY))
    settings.load_profile("chat")


def examples(number: int) -> int:
    """As many with the long tests; a quarter of it without."""
    return number if WHOLE in os.environ else max(1, number // 4)


def share(values: Sequence[T], at: object) -> Sequence[T]:
    """All of them with the long tests; a quarter without, each place (``at``) another quarter."""
    return values if WHOLE in os.environ else values[crc32(repr(at).encode()) % 4 :: 4]
