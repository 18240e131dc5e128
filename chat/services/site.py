"""The site: the name of the installation, and whether registration is open."""

from typing import Any

from flask_babel import lazy_gettext as _l

from chat.auth import permissions
from chat.cache import channels as cache
from chat.models import Site, base
from chat.text import validate

DEFAULT = {"name": "Chat", "open_registration": False}
NAME_CHARACTERS = (1, 60)


def get_site() -> dict:
    """{name, open_registration}; a neutral name before set-up."""
    return cache.get_site() or DEFAULT


def check_name(name: str) -> str:
    """Returns the site's name, 1 to 60 characters, or raises Invalid(field=site_name)."""
    return validate.check_line(
        name, NAME_CHARACTERS, _l("The name must be 1 to 60 characters long."), field="site_name"
    )


def update_site(actor: Any, name: str | None = None, open_registration: bool | None = None) -> dict:
    """Change what is given. Admins and owners only."""
    permissions.require_role(actor, "admin")
    fields: dict[str, Any] = {}
    if name is not None:
        fields["set__name"] = check_name(name)
    if open_registration is not None:
        fields["set__open_registration"] = bool(open_registration)
    if fields:
        with base.announced(Site(id="site")):
            Site.objects(id="site").update_one(**fields)
    return get_site()
