"""Which share of the traffic uses a Redis structure (R19): stable percentages by environment.

A subject (a person's id, a session's id) falls into one of 100 buckets by a hash that includes
the feature's name, so cohorts of different features are independent, and raising a percentage
only ever adds subjects.
"""

from hashlib import sha256

from flask import Flask, current_app, g, has_request_context

FEATURES = ("sessions", "users", "online", "channels", "channel_users", "messages", "emoji")


def init_app(app: Flask) -> None:
    """Nothing to bind: percentages are settings named ROLLOUT_<FEATURE>."""


def bucket(feature: str, key: str) -> int:
    """The subject's bucket, 0 to 99, the same in every process and after every restart."""
    return int.from_bytes(sha256(f"{feature}:{key}".encode()).digest()[:4], "big") % 100


def percent(feature: str) -> int:
    """The feature's share in percent."""
    return int(current_app.config[f"ROLLOUT_{feature.upper()}"])


def in_rollout(feature: str, key: str) -> bool:
    """Whether this subject's traffic uses the feature's Redis structure."""
    share = percent(feature)
    return share >= 100 or (share > 0 and bucket(feature, key) < share)


def for_reader(feature: str) -> bool:
    """The same for whoever is asking now: the signed-in person, or nobody in particular."""
    subject = str(g.get("subject", "")) if has_request_context() else ""
    return in_rollout(feature, subject)
