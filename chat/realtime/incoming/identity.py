"""The account behind an open socket, loaded again for every event."""

from typing import Any

from flask import g, has_request_context

from chat.auth import current_user
from chat.realtime.transport.open_sockets import OpenSocket


def account_of(connection: OpenSocket) -> Any:
    """The person's current account; None if the socket must be closed.

    It is loaded by the user id of the handshake, not from the session: that could end the session
    in the middle of an event.
    """
    account = current_user.account_for(connection.user_id, connection.auth_gen)
    if has_request_context():
        g._login_user = account or current_user.AnonymousAccount()
        g.subject = account.id if account else ""
    return account
