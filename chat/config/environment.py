"""Reads the settings from the environment.

``load`` turns an environment into values of the right types, or raises ``ConfigError`` with one
line that names the variable, its value and what is accepted.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from chat.config.parsers import SECRET, ConfigError
from chat.config.settings import ALIASES, MONGODB_URL, SETTINGS, Environ


def read(environ: Environ, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the environment says, typed; what ``overrides`` gives is taken as it is."""
    overrides = dict(overrides or {})
    environ = _with_aliases(environ)
    values = {row.name: row.value(environ) for row in SETTINGS if row.name not in overrides}
    values |= overrides
    values["PRODUCTION"] = values["CHAT_ENV"] == "production"
    values.setdefault("WORKERS", values["WEB_CONCURRENCY"])
    return values


def load(environ: Environ, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """All settings, complete enough to run on.

    Outside production a missing SECRET_KEY or MONGODB_URI is looked up in DATA_DIR, where
    `make run` keeps them, so that operator commands work beside it.
    """
    values = read(environ, overrides)
    _complete(values)
    _check(values)
    return values


def init_app(app: Flask, environ: Environ, overrides: Mapping[str, Any] | None = None) -> None:
    """Put every setting into ``app.config``."""
    app.config.update(load(environ, overrides))


def _with_aliases(environ: Environ) -> dict[str, str]:
    found = dict(environ)
    for name, others in ALIASES.items():
        given = next((found[other] for other in others if found.get(other)), None)
        if given and not found.get(name):
            found[name] = given
    return found


def _complete(values: dict[str, Any]) -> None:
    kept = Path(values["DATA_DIR"])
    if not values["SECRET_KEY"] and not values["PRODUCTION"]:
        values["SECRET_KEY"] = _read(kept / "secret_key") or secrets.token_urlsafe(32)
    if not values["MONGODB_URI"] and not values["PRODUCTION"]:
        values["MONGODB_URI"] = _read(kept / "mongodb_uri")
        values["REDIS_URL"] = values["REDIS_URL"] or _read(kept / "redis_url")
    if not values["REDIS_TLS_VERIFY"]:
        values["REDIS_URL"] = _unverified(values["REDIS_URL"])


def _unverified(address: str | None) -> str | None:
    """The Redis address with the check of its certificate turned off."""
    if not address or not address.startswith("rediss:") or "ssl_cert_reqs" in address:
        return address
    return address + ("&" if "?" in address else "?") + "ssl_cert_reqs=none"


def _check(values: Mapping[str, Any]) -> None:
    if not values["SECRET_KEY"]:
        raise ConfigError(f"SECRET_KEY is not set: production needs it, {SECRET.accepted}.")
    if not values["MONGODB_URI"]:
        raise ConfigError(
            f"MONGODB_URI is not set: give {MONGODB_URL.accepted}, or use `make run`, "
            "which brings its own MongoDB."
        )
    if values["CHEAP_PASSWORD_HASHES"] and values["CHAT_ENV"] != "test":
        raise ConfigError(
            "CHEAP_PASSWORD_HASHES=true is for tests alone (CHAT_ENV=test): unset it."
        )
    if values["REDIS_SENTINEL"] and values["REDIS_CLUSTER"]:
        raise ConfigError("REDIS_SENTINEL and REDIS_CLUSTER are both set: only one can be used.")


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
