"""Messages of the installation itself in a channel. Their author is no account.

The author has an id that no person gets, and a name with a space, which no nickname may have. So
no person can log in as this author or imitate it, and it is not in the list of people.
"""

from typing import Any

from flask_babel import gettext as _

from chat.i18n import LANGUAGES
from chat.models import Site, User, message_insert
from chat.protocol import NOBODY
from chat.realtime.outgoing import broadcasts
from chat.text import markdown


def site_language() -> str:
    """The language of notices: from the settings of the first owner, else from the set-up."""
    site = Site.raw() or {}
    owner = User.raw(site["owner"]) if "owner" in site else None
    chosen = (owner or {}).get("locale") or site.get("locale")
    return chosen if chosen in LANGUAGES else "en"


def post(channel: dict[str, Any], text: str, client_id: str) -> bool:
    """Store and deliver a notice once for a ``client_id``. True if this call stored it."""
    message, created = message_insert.post(
        channel["id"], NOBODY, _("Server status"), text, markdown.render(text), client_id
    )
    if created:
        broadcasts.message_created(message)
    return created
