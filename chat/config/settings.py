"""Every setting: its environment name, kind, default and meaning, in one table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chat.config import urls
from chat.config.parsers import (
    BOOLEAN,
    PERCENT,
    PREFIX,
    RATE,
    SECONDS,
    SECRET,
    TEXT,
    ConfigError,
    Kind,
    Unusable,
    choice,
    integer,
)

Environ = Mapping[str, str]


@dataclass(frozen=True)
class Setting:
    """One row of the table. A default that depends on other variables is a function of them."""

    name: str
    kind: Kind
    default: Any | Callable[[Environ], Any]
    meaning: str
    shown_default: str | None = None
    secret: bool = False

    def value(self, environ: Environ) -> Any:
        text = environ.get(self.name, "").strip()
        if not text:
            return self.default(environ) if callable(self.default) else self.default
        try:
            return self.kind.parse(text)
        except ValueError as error:
            reason = str(error) if isinstance(error, Unusable) else ""
            shown = f"({len(text)} characters)" if self.secret else repr(self.kind.show(text))
            wanted = reason or f"it must be {self.kind.accepted}"
            raise ConfigError(f"{self.name}={shown} cannot be used: {wanted}.") from None

    @property
    def default_text(self) -> str:
        if self.shown_default is not None:
            return self.shown_default
        return str(self.default).lower() if isinstance(self.default, bool) else str(self.default)


def _on_dyno(environ: Environ) -> bool:
    return bool(environ.get("DYNO"))


def _host(environ: Environ) -> str:
    return "0.0.0.0" if environ.get("PORT", "").strip() else "127.0.0.1"


def _stage(environ: Environ) -> str:
    return "production" if _on_dyno(environ) else "development"


def _ttl(name: str, default: int, what: str) -> Setting:
    return Setting(f"TTL_{name}", SECONDS, default, f"Seconds for which Redis keeps {what}.")


def _rollout(name: str, what: str) -> Setting:
    return Setting(
        f"ROLLOUT_{name}", PERCENT, 100, f"Percent of traffic that uses Redis for {what}."
    )


MONGODB_URL = urls.mongodb("mongodb://host:27017/chat")
REDIS_ADDRESS = urls.redis("redis://host:6379/0")
WEB_ADDRESS = urls.web_site("https://chat.example.org")
WEB_HOOK = urls.web_hook("https://hooks.example.org/chat")

SETTINGS: tuple[Setting, ...] = (
    Setting("PORT", integer(1, 65535), 5000, "Port to listen on."),
    Setting(
        "HOST",
        urls.LISTEN,
        _host,
        "Address to listen on; :: is every address, IPv6 and IPv4.",
        "127.0.0.1 (0.0.0.0 when PORT is set)",
    ),
    Setting(
        "CHAT_ENV",
        choice("development", "production", "test"),
        _stage,
        "In production SECRET_KEY is required, cookies are for https only and logs are JSON. "
        "test is development with what only the tests may do.",
        "development (production on a Heroku-style dyno)",
    ),
    Setting(
        "SECRET_KEY",
        SECRET,
        None,
        "Signs cookies; required in production. `make run` makes one and keeps it in DATA_DIR.",
        "–",
        secret=True,
    ),
    Setting(
        "PUBLIC_URL",
        WEB_ADDRESS,
        None,
        "Where people reach the site: used in links, and the only Origin that may open a socket.",
        "the address of the request",
    ),
    Setting(
        "TRUSTED_PROXIES",
        integer(0, 10),
        lambda environ: int(_on_dyno(environ)),
        "How many proxies in front set X-Forwarded-For and X-Forwarded-Proto.",
        "0 (1 on a Heroku-style dyno)",
    ),
    Setting("WEB_CONCURRENCY", integer(1, 64), 1, "Worker processes."),
    Setting("DATA_DIR", Kind(Path, "a folder"), Path("data"), "Where embedded servers keep data."),
    Setting("MONGODB_URI", MONGODB_URL, None, "MongoDB, the truth.", "embedded"),
    Setting("REDIS_URL", REDIS_ADDRESS, None, "Redis: redis://, rediss://, unix://.", "embedded"),
    Setting("REDIS_SENTINEL", urls.SENTINEL, None, "Redis found through Sentinels.", "–"),
    Setting("REDIS_CLUSTER", urls.HOSTS, None, "Some nodes of a Redis Cluster.", "–"),
    Setting(
        "REDIS_PREFIX",
        PREFIX,
        "",
        "Put before every key and pub/sub channel, for a Redis that is shared with other programs.",
        "–",
    ),
    Setting(
        "REDIS_TLS_VERIFY",
        BOOLEAN,
        True,
        "false: accept the self-signed certificate of a managed Redis (rediss://).",
    ),
    Setting(
        "REDIS_CONNECTIONS",
        integer(6, 500),
        50,
        "Most Redis connections of a process (each node of a Cluster); three more listen and tell.",
    ),
    Setting("DISABLE_REDIS", BOOLEAN, False, "true: run on MongoDB alone."),
    _ttl("SESSIONS", 86400, "a session after its last use"),
    Setting(
        "SESSION_MAX_DAYS",
        integer(1, 3650),
        90,
        "Days after which one has to log in again, however much the session was used.",
    ),
    _ttl("USERS", 300, "user lists and profiles"),
    _ttl("ONLINE", 30, "the set of people online"),
    _ttl("CHANNELS", 300, "the channels"),
    _ttl("CHANNEL_USERS", 120, "a channel's people"),
    _ttl("MESSAGES", 60, "a channel's recent messages"),
    _ttl("EMOJI", 86400, "how often each emoji is used"),
    _rollout("SESSIONS", "sessions"),
    _rollout("USERS", "users"),
    _rollout("ONLINE", "presence"),
    _rollout("CHANNELS", "channels"),
    _rollout("CHANNEL_USERS", "channel members"),
    _rollout("MESSAGES", "recent messages"),
    _rollout("EMOJI", "emoji"),
    Setting(
        "PRESENCE_LEASE",
        integer(2, 600),
        30,
        "Seconds until the people of a process that died are offline.",
    ),
    Setting(
        "LIMIT_LOGIN",
        RATE,
        "10/minute",
        "Wrong passwords by account and address together, or by a browser that was signed in "
        "before; ten times as many by address, five times as many by account.",
    ),
    Setting(
        "LIMIT_REGISTER",
        RATE,
        "10/hour",
        "Failed registrations by address without a valid invite; ten times as many with one. "
        "Where everybody may register, ten times as many failed and successful ones together.",
    ),
    Setting("LIMIT_API", RATE, "600/minute", "API requests by person."),
    Setting("LIMIT_SOCKET_EVENTS", RATE, "20/second", "Socket events by person."),
    Setting(
        "CHEAP_PASSWORD_HASHES",
        BOOLEAN,
        False,
        "true: passwords are hashed at almost no cost, which makes them easy to guess from a copy "
        "of the database. Only CHAT_ENV=test accepts it.",
    ),
    Setting(
        "METRICS_TOKEN",
        SECRET,
        None,
        "Who sends it may read /metrics; without one only callers on the machine itself may, "
        "and in production or behind a proxy nobody.",
        "–",
        secret=True,
    ),
    Setting(
        "SHADOW_SAMPLE",
        PERCENT,
        1,
        "Percent of the answers from caches of which a value is compared with MongoDB afterwards.",
    ),
    Setting(
        "ALERT_WEBHOOK",
        WEB_HOOK,
        None,
        "Where alerts are posted as JSON when they begin and when they are over.",
        "–",
        secret=True,
    ),
    Setting(
        "ALERT_CHANNEL",
        TEXT,
        None,
        "The channel (the end of its address) in which alerts are told as well.",
        "–",
    ),
    Setting("LOG_LEVEL", choice("debug", "info", "warning", "error"), "info", "What is logged."),
    Setting(
        "LOG_REQUESTS",
        BOOLEAN,
        lambda environ: environ.get("CHAT_ENV", _stage(environ)).strip().lower() == "production",
        "One log line a request (never its query or body).",
        "false (true in production)",
    ),
)

# Other names under which an add-on may hand over what a setting means.
ALIASES = {"MONGODB_URI": ("MONGODB_URL", "ORMONGO_URL")}


def table() -> str:
    """The settings as a Markdown table, for the documentation."""
    rows = ["| name | meaning | accepted | default |", "| --- | --- | --- | --- |"]
    rows += [
        f"| `{row.name}` | {row.meaning} | {row.kind.accepted} | {row.default_text} |"
        for row in SETTINGS
    ]
    return "\n".join(rows) + "\n"


def document() -> str:
    """The whole of ``docs/configuration.md``."""
    return (
        "# Configuration\n\n"
        "Settings come from the environment. A value that cannot be used stops the start with "
        "one line that\nnames the variable, the value and what is accepted.\n\n"
        "This file is written by `flask --app wsgi settings --write`; the table lives in "
        "`chat/config/settings.py`.\n\n" + table()
    )
