"""Who stands behind an open socket, asked anew for every event."""

from typing import Any

from flask import g, has_request_context
from pymongo.errors import PyMongoError

from chat import auth, session_store
from chat.realtime.connections import Connection


def account_of(connection: Connection) -> Any:
    """The person's account as it is now, or None if the socket must not go on.

    The log-in of the handshake counts, never the session's copy of it: loading the person from
    that would end a session which meanwhile went on under a new password.
    """
    account = auth.account_for(connection.user_id, connection.auth_gen)
    if account is None and _goes_on(connection):
        account = auth.account_for(connection.user_id, connection.auth_gen)
    if has_request_context():
        g._login_user = account or auth.AnonymousAccount()
        g.subject = account.id if account else ""
    return account


def _goes_on(connection: Connection) -> bool:
    """Whether the session was taken over into a new generation (own password change)."""
    try:
        data = session_store.load(connection.session_id)
    except PyMongoError:
        return False
    if not data or data.get("userId") != connection.user_id:
        return False
    connection.auth_gen = data.get("auth_gen", 0)
    return True
