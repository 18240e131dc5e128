"""Who stands behind an open socket, asked anew for every event."""

from typing import Any

from flask import g, has_request_context

from chat.auth import current_user as auth
from chat.realtime.transport.open_sockets import OpenSocket


def account_of(connection: OpenSocket) -> Any:
    """The person's account as it is now, or None if the socket must not go on.

    The log-in of the handshake counts, never the session's copy of it: loading the person from
    that could end a session in the middle of an event.
    """
    account = auth.account_for(connection.user_id, connection.auth_gen)
    if has_request_context():
        g._login_user = account or auth.AnonymousAccount()
        g.subject = account.id if account else ""
    return account
