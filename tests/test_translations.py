"""Every text for people exists in every language."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages import pofile
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg

from chat.folders import TRANSLATIONS
from chat.i18n import LANGUAGES, compile_catalogues, js_strings

ROOT = Path(__file__).resolve().parents[1]
KEYWORDS = {**DEFAULT_KEYWORDS, "_l": None, "lazy_gettext": None}
TRANSLATED = sorted(set(LANGUAGES) - {"en"})
PYTHON_NAMES = re.compile(r"%\((\w+)\)s")


def extracted() -> set[str | tuple[str, str]]:
    """The message ids in the code, the templates and the browser's words."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as config:
        methods, options = parse_mapping_cfg(config)
    found: set[str | tuple[str, str]] = set()
    for folder in ("chat", "templates", "static/js"):
        inside = [(p.removeprefix(f"{folder}/"), m) for p, m in methods if p.startswith(folder)]
        own = {p.removeprefix(f"{folder}/"): o for p, o in options.items()}
        for _file, _line, message, _comments, _context in extract_from_dir(
            ROOT / folder, inside, own, keywords=KEYWORDS
        ):
            found.add(message if isinstance(message, str) else (message[0], message[1]))
    return found


@pytest.fixture(scope="module", params=TRANSLATED)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    path = TRANSLATIONS / request.param / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as text:
        return pofile.read_po(text, locale=request.param)


def entries(catalogue: Catalog) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], Message]]:
    """Each message as (its English forms, its translated forms, itself)."""
    for message in catalogue:
        if message.id:
            ids = message.id if isinstance(message.id, (list, tuple)) else (message.id,)
            texts = message.string if isinstance(message.id, (list, tuple)) else (message.string,)
            yield tuple(ids), tuple(texts), message


def test_every_text_is_in_the_catalogue_and_nothing_else_is(catalogue: Catalog) -> None:
    known = {
        tuple(message.id) if isinstance(message.id, (list, tuple)) else message.id
        for message in catalogue
        if message.id
    }
    assert extracted() - known == set(), "run the two commands in babel.cfg"
    assert known - extracted() == set(), "texts that nobody uses any more"


def test_nothing_is_untranslated_or_fuzzy(catalogue: Catalog) -> None:
    for ids, texts, message in entries(catalogue):
        assert not message.fuzzy, ids
        assert all(texts), ids
        if len(ids) > 1:
            assert len(texts) == catalogue.num_plurals, ids


def test_translations_name_the_same_values(catalogue: Catalog) -> None:
    for ids, texts, _message in entries(catalogue):
        wanted = placeholders(ids[-1])
        for text in texts:
            assert placeholders(text) == wanted, (ids, text)


def placeholders(text: str) -> set[str]:
    """%(name)s of the server, {name} of the browser."""
    return set(PYTHON_NAMES.findall(text)) | {
        name for _text, name, _spec, _conversion in Formatter().parse(text) if name
    }


def test_the_browser_gets_every_key_in_every_language() -> None:
    from flask import Flask
    from flask_babel import Babel, force_locale

    compile_catalogues()
    app = Flask(__name__)
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    Babel(app)
    with app.test_request_context():
        for language in LANGUAGES:
            with force_locale(language):
                words = json.loads(js_strings.js_strings())
            assert words.keys() == js_strings.entries().keys()
        with force_locale("ru"):
            forms = json.loads(js_strings.js_strings())["unread"]
    assert isinstance(forms, dict)
    assert forms["one"] == "{count} непрочитанное сообщение"
    assert forms["few"] == "{count} непрочитанных сообщения"
    assert forms["many"] == "{count} непрочитанных сообщений"


@pytest.mark.parametrize("order", [["en", "ru", "en"], ["ru", "en", "ru"]])
def test_each_language_keeps_its_own_words_whichever_was_asked_for_first(order: list[str]) -> None:
    from flask import Flask

    from chat import i18n
    from chat.pages import jinja_env

    app = Flask(__name__, template_folder=str(ROOT / "templates"))
    jinja_env.init_app(app)
    i18n.init_app(app)
    app.add_template_filter(str, "hue")
    app.add_template_filter(str, "initials")
    app.add_template_global(str, "csrf_token")
    said = {"en": "Member", "ru": "Участник"}
    for language in order:
        with app.test_request_context(headers={"Accept-Language": language}):
            edition = app.jinja_env._edition(language)
            template = edition.from_string("{% set word = {1: _('Member')} %}{{ word[1] }}")
            assert template.render() == said[language]
