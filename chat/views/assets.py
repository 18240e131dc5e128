"""Serves the built files under addresses whose content never changes, compressed."""

from pathlib import Path

from flask import Flask, Response, abort, current_app, request

from chat.web import built_files, content_encoding
from chat.web.built_files import BuiltFile, BuiltFiles

FOR_EVER = "public, max-age=31536000, immutable"


def init_app(app: Flask) -> None:
    """Serve /static/dist/<name>, and give templates ``asset`` and ``modules``."""
    app.add_url_rule(f"{built_files.ADDRESS}<name>", "built_file", built_file)
    app.add_template_global(asset)
    app.add_template_global(modules)


def asset(name: str) -> str:
    """The address of a built file, for example of "style.css"."""
    return _built().address(name)


def modules(entry: str) -> list[str]:
    """The addresses of a script and of all modules that it imports."""
    return _built().modules(entry)


def version() -> str:
    """What all scripts, styles and icons of this build were made from."""
    return _built().sources


def built_file(name: str) -> Response:
    """A built file. A name of another version gets the present file, which is not kept then."""
    found = _built().get(name)
    if found is not None:
        return _answer(found, FOR_EVER)
    found = _built().successor(name)
    if found is None:
        abort(404)
    return _answer(found, "no-cache")


def _answer(file: BuiltFile, caching: str) -> Response:
    encoding = content_encoding.best(request.headers.get("Accept-Encoding", ""), file.compressed)
    response = Response(file.compressed.get(encoding, file.content), mimetype=file.mimetype)
    response.headers["Cache-Control"] = caching
    response.headers["Vary"] = "Accept-Encoding"
    if encoding != content_encoding.PLAIN:
        response.headers["Content-Encoding"] = encoding
    response.set_etag(f"{file.name}-{encoding}")
    response.make_conditional(request)
    return response


def _built() -> BuiltFiles:
    """The build; loaded once a process, and in development again after each build."""
    kept = current_app.extensions.get("chat.built_files")
    made = None if current_app.config["PRODUCTION"] else _made_at(built_files.FOLDER)
    if kept is None or kept[1] != made:
        kept = current_app.extensions["chat.built_files"] = (BuiltFiles(), made)
    files: BuiltFiles = kept[0]
    return files


def _made_at(folder: Path) -> int:
    try:
        return (folder / built_files.MANIFEST).stat().st_mtime_ns
    except FileNotFoundError:
        return 0
