"""Flask-Login with a single way to load the user: ``request_loader`` (``chat.auth.current_user``).

Flask-Login's own data in sessions and cookies (user id, "remember me" token, fingerprint of the
browser) is not used, so it is neither read nor written.
"""

from flask import Response, request
from flask_login import LoginManager


class Logins(LoginManager):  # type: ignore[misc]
    """A login manager that uses only the request loader."""

    def _load_user(self) -> None:
        try:
            account = self._request_callback(request)
        except Exception:
            # The error page asks for the user again, for the language: then it is anonymous.
            self._update_request_context_with_user(None)
            raise
        self._update_request_context_with_user(account)

    def _update_remember_cookie(self, response: Response) -> Response:
        return response


login_manager = Logins()
