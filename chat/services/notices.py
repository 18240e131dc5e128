"""What the installation itself says in a channel, as nobody: its author is no account.

The author has an id that no person ever gets and a name that no nickname may be (it has a space).
So nobody can log in as it, be taken for it, or find it among the people.
"""

from typing import Any

from flask_babel import gettext as _

from chat.i18n import LANGUAGES
from chat.models import Site, User, insert
from chat.protocol import NOBODY
from chat.realtime.outgoing import broadcasts
from chat.text import markdown


def site_language() -> str:
    """The language of what is said to everybody at once.

    It is what whoever made the installation has chosen in their settings, else the language in
    which they made it.
    """
    site = Site.raw() or {}
    owner = User.raw(site["owner"]) if "owner" in site else None
    chosen = (owner or {}).get("locale") or site.get("locale")
    return chosen if chosen in LANGUAGES else "en"


def post(channel: dict[str, Any], text: str, client_id: str) -> bool:
    """Store and deliver it once for a ``client_id``; whether it was stored by this call."""
    message, created = insert.post(
        channel["id"], NOBODY, _("Server status"), text, markdown.render(text), client_id
    )
    if created:
        broadcasts.message_created(message)
    return created
