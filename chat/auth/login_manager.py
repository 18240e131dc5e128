"""Flask-Login with one way to find out who asks: ``request_loader`` (``chat.auth.current_user``).

Of what it keeps in sessions and cookies by itself (a user's id, a "remember me" token, a
fingerprint of the browser) nothing is used here, so none of it is read or written.
"""

from flask import Response, request
from flask_login import LoginManager


class Logins(LoginManager):  # type: ignore[misc]
    """Who is signed in, from the loader alone."""

    def _load_user(self) -> None:
        try:
            account = self._request_callback(request)
        except Exception:
            # The answer that says so asks again (it is in the reader's language): it was nobody.
            self._update_request_context_with_user(None)
            raise
        self._update_request_context_with_user(account)

    def _update_remember_cookie(self, response: Response) -> Response:
        return response


login_manager = Logins()
