"""How much of Redis the run's apps use: ``CHAT_TEST_REDIS=off`` (none at all), or a percentage.

The tests at the front door (HTTP, sockets, pages) promise the same whatever it is; those that ask
about Redis itself say ``needs_redis`` and are left out.
"""

import os
from collections.abc import Mapping

from chat.rollout import FEATURES

VARIABLE = "CHAT_TEST_REDIS"
FRONT_DOOR = (
    "tests/api", "tests/services", "tests/auth/test_permissions.py",
    "tests/views/test_accounts.py", "tests/views/test_channels.py",
    "tests/views/test_first_pages.py", "tests/text/test_nicknames.py",
    "tests/realtime/test_messages.py", "tests/realtime/test_handshake_order.py",
    "tests/realtime/test_endings.py",
)  # fmt: skip


def settings(share: str) -> dict[str, str]:
    """What the environment of an app says for this share."""
    if share == "off":
        return {"DISABLE_REDIS": "true"}
    return {f"ROLLOUT_{feature.upper()}": str(int(share)) for feature in FEATURES}


def asked_for(environ: Mapping[str, str] = os.environ) -> str:
    """Empty where nothing is asked for."""
    return environ.get(VARIABLE, "")


def is_too_little(marked: object, fixtures: list[str]) -> bool:
    """Whether a test cannot hold. Without Redis a second process hears of nothing by itself."""
    asked = asked_for()
    return asked not in ("", "100") and bool(marked or (asked == "off" and "beside" in fixtures))


if __name__ == "__main__":
    print(*FRONT_DOOR)
