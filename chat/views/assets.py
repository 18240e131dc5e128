"""One stylesheet from the files in static/css, in layer order, under an address that never changes
its content: twenty small files for the people who edit them, one cached request for the readers."""

import hashlib
from pathlib import Path

from flask import Flask, Response, current_app, request

# Order matters only for the first three: the layers are named in tokens.css.
FIRST = ("tokens.css", "reset.css", "base.css")


def init_app(app: Flask) -> None:
    """Serves /static/style.css and gives templates `stylesheet_url()`."""
    app.add_url_rule("/static/style.css", "stylesheet", stylesheet)
    app.add_template_global(stylesheet_url)


def stylesheet() -> Response:
    """All of static/css, joined; cached for a year when asked for by its version."""
    text, version = _joined()
    response = Response(text, mimetype="text/css")
    response.set_etag(version)
    if request.args.get("v") == version:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response


def stylesheet_url() -> str:
    """The address that the present content has."""
    return f"/static/style.css?v={_joined()[1]}"


def _joined() -> tuple[str, str]:
    """The text and its version; read once a process, and again on every call under debug."""
    known = current_app.extensions.get("chat.stylesheet")
    if known is None or current_app.debug:
        folder = Path(current_app.static_folder or "static") / "css"
        names = [*FIRST, *sorted(p.name for p in folder.glob("*.css") if p.name not in FIRST)]
        text = "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
        known = (text, hashlib.sha256(text.encode()).hexdigest()[:16])
        current_app.extensions["chat.stylesheet"] = known
    return known
