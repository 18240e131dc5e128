"""Pages: parse the form, call a service, redirect (303) or show the form again (422).

Everything works without JavaScript. Nothing here asks a model or a cache for what a service or
`chat.auth.permissions` gives, and nothing here decides who may do what.
"""

from flask import Flask

from chat.views import admin, assets, auth, channels, errors, messages, shell, status, users


def init_app(app: Flask) -> None:
    """Registers the pages, the error pages and what every template may call."""
    shell.init_app(app)
    assets.init_app(app)
    for pages in (auth, channels, messages, users, admin, status):
        app.register_blueprint(pages.blueprint)
    errors.init_app(app)
