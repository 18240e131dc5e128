"""Commands for operators: `flask --app wsgi …`."""

import secrets

import click
from flask import Flask, current_app

from chat import models
from chat.auth import passwords, sessions
from chat.auth.password_rules import check_new_password
from chat.config.parsers import ConfigError
from chat.config.settings import document, table
from chat.errors import ChatError, Invalid
from chat.folders import DOCS
from chat.models import AccessToken, Heartbeat, User
from chat.models.base import DATABASE_GONE
from chat.models.driver import reason
from chat.realtime.outgoing import broadcasts
from chat.redis import rights
from chat.redis_schema import keys
from chat.rollout import STEADY
from chat.services import rollout
from chat.text import validate
from chat.web import start_check

CONFIGURATION_PAGE = DOCS / "configuration.md"
KEYS_PAGE = DOCS / "redis-keys.md"
GENERATED_BYTES = 12


def init_app(app: Flask) -> None:
    """Add the commands."""
    for command in (init_db, reset_password, settings, redis_keys, redis_rights, percentages):
        app.cli.add_command(command)


@click.command("init-db")
def init_db() -> None:
    """Build the indexes. Safe to repeat; a release step runs it before the app takes traffic."""
    try:
        start_check.check(current_app.config)
        models.ensure_indexes()
        Heartbeat.write()
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    except DATABASE_GONE as error:
        raise click.ClickException(f"MongoDB cannot be used: {reason(error)}.") from None


@click.command("reset-password")
@click.argument("nickname")
@click.option("--ask", is_flag=True, help="Type the new password instead of having one made.")
def reset_password(nickname: str, ask: bool) -> None:
    """Give NICKNAME a new password, for somebody who cannot get in; ends sessions and tokens."""
    row = User.by_nickname(validate.nickname_key(nickname))
    if row is None:
        raise click.ClickException(f"There is nobody called {nickname}.")
    made = secrets.token_urlsafe(GENERATED_BYTES)
    password = made
    if ask:
        password = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    try:
        digest = passwords.hash_password(check_new_password(password, row["nickname"]))
    except Invalid as error:
        raise click.ClickException(str(error.detail)) from None
    user_id = str(row["_id"])
    User.change(user_id, set__password_hash=digest, inc__auth_gen=1)
    AccessToken.revoke_all(user_id)
    sessions.end_all(user_id)
    broadcasts.sessions_ended(user_id)
    click.echo(f"{row['nickname']} has a new password" + ("." if ask else f": {made}"))


@click.command("settings")
@click.option("--write", is_flag=True, help="Write docs/configuration.md instead.")
def settings(write: bool) -> None:
    """Every setting, what it means and its default."""
    if write:
        CONFIGURATION_PAGE.write_text(document(), encoding="utf-8")
    else:
        click.echo(table(), nl=False)


@click.command("redis-keys")
@click.option("--write", is_flag=True, help="Write docs/redis-keys.md instead.")
def redis_keys(write: bool) -> None:
    """Every Redis key: its type, its lifetime, what it holds, who writes and who reads it."""
    if write:
        KEYS_PAGE.write_text(keys.document(), encoding="utf-8")
    else:
        click.echo(keys.document(), nl=False)


@click.command("redis-rights")
@click.argument("user", default="chat")
def redis_rights(user: str) -> None:
    """The command for Redis that lets USER do what the chat needs (by REDIS_PREFIX, if set)."""
    click.echo(rights.line(user))


@click.command("rollout")
@click.argument("feature", required=False)
@click.argument("percent", required=False)
def percentages(feature: str | None, percent: str | None) -> None:
    """How much of the traffic uses Redis, by structure; or set FEATURE to PERCENT.

    PERCENT may be the word "environment": then the setting ROLLOUT_<FEATURE> decides again.
    """
    if feature is not None:
        try:
            rollout.command(feature, percent or "")
        except ChatError as error:
            raise click.ClickException(str(error.detail)) from None
    for name, facts in rollout.overview().items():
        stage = "" if facts["stage"] == STEADY else f", {facts['stage']}"
        click.echo(f"{name:14} {facts['percent']:3} %  {facts['source']}{stage}")
