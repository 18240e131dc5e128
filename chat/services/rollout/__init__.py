"""The rollout percentages (R19, R20): actions of admins and operators, and the overview."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l

from chat.auth import permissions
from chat.errors import Invalid
from chat.models import Audit, base
from chat.rollout import FEATURES
from chat.services.rollout import percentages
from chat.services.rollout.percentages import CHANGED, ENVIRONMENT

SHOWN = 50


def change(actor: Any, wanted: Mapping[str, Any]) -> None:
    """Set percentages by feature; admins and owners only. Invalid(field=feature) for a bad one."""
    permissions.require_role(actor, "admin")
    checked = {feature: _checked(feature, value) for feature, value in wanted.items()}
    percentages.change(_named(actor), "rollout.set", checked, CHANGED)


def reset(actor: Any, feature: str) -> None:
    """Return to the percentage of the environment; admins and owners only."""
    permissions.require_role(actor, "admin")
    percentages.change(_named(actor), "rollout.reset", {_known(feature): None}, ENVIRONMENT)


def kill(actor: Any) -> None:
    """Set all features to 0 % (R20); admins and owners only."""
    permissions.require_role(actor, "admin")
    percentages.change(_named(actor), "rollout.kill", dict.fromkeys(FEATURES, 0), CHANGED)


def killed() -> dict[str, int]:
    """The features that ``kill`` set to 0 % and that are unchanged since → their old percentage."""
    newest: dict[str, dict] = {}
    for entry in entries():
        newest.setdefault(entry["subject"], entry)
    stored = percentages.read()
    return {
        name: int(entry["from"])
        for name, entry in newest.items()
        if entry["action"] == "rollout.kill" and stored["features"][name]["percent"] == 0
    }


def back(actor: Any) -> None:
    """Restore the percentages from before ``kill``; admins and owners only."""
    permissions.require_role(actor, "admin")
    percentages.change(_named(actor), "rollout.back", killed(), CHANGED)


def command(feature: str, value: str) -> None:
    """Set or reset a feature by a command on the server. ``value``: 0 to 100, or "environment"."""
    if value == ENVIRONMENT:
        percentages.change(None, "rollout.reset", {_known(feature): None}, ENVIRONMENT)
    else:
        percentages.change(None, "rollout.set", {feature: _checked(feature, value)}, CHANGED)


def overview() -> dict[str, dict]:
    """Each feature: percent, stage, source, by, at, environment."""
    stored = percentages.read()
    return {
        name: {
            **{key: stored["features"][name].get(key) for key in ("percent", "stage", "source")},
            "by": stored["features"][name].get("by"),
            "at": base.iso(stored["features"][name].get("at")),
            "environment": stored["environment"][name],
        }
        for name in FEATURES
    }


def entries() -> list[dict]:
    """The last changes, newest first."""
    return Audit.recent(SHOWN, "rollout.")


def _checked(feature: str, value: Any) -> int:
    _known(feature)
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 100):
        raise Invalid(_l("Enter a whole number from 0 to 100."), field=feature)
    return int(text)


def _known(feature: str) -> str:
    if feature not in FEATURES:
        raise Invalid(_l("There is no such part."))
    return feature


def _named(actor: Any) -> dict:
    return {"id": actor.id, "nickname": actor.nickname}
