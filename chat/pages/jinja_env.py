"""Compiles the templates once for each language, with constant calls replaced by their result.

Calls like ``{{ _("Members") }}`` and ``{{ icon("x") }}`` do not depend on the page, and a page has
about a hundred of them. So they are evaluated when a template is compiled, not at each rendering.
All templates know the macros of ``macros.html`` without an import.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.templating import Environment as FlaskEnvironment
from flask_babel import get_locale
from jinja2 import Template, nodes
from markupsafe import Markup

from chat.i18n import catalogue

MACROS = "macros.html"
I18N = "jinja2.ext.InternationalizationExtension"

Constant = Callable[[str], Markup]


class Environment(FlaskEnvironment):
    """A Flask environment whose templates are those of the reader's language ("edition")."""

    language = ""
    constants: dict[str, Constant]
    editions: dict[str, "Environment"]
    ready: dict[str, Template]  # by name; faster than jinja2's own cache

    def __init__(self, app: Flask, **options: Any) -> None:
        super().__init__(app, **options)
        self.constants, self.editions, self.ready = {}, {}, {}

    def get_template(self, name: Any, *args: Any, **kwargs: Any) -> Template:
        """The template in the edition of the reader's language."""
        if not self.language:
            edition = self._edition(str(get_locale() or "en"))
            return edition.get_template(name, *args, **kwargs)
        found = self.ready.get(name) if isinstance(name, str) else None
        if found is None:
            found = super().get_template(name, *args, **kwargs)
            if not self.auto_reload:
                self.ready[str(found.name)] = found
        return found

    def _edition(self, language: str) -> "Environment":
        edition = self.editions.get(language)
        if edition is None:
            edition = self.editions[language] = self._new(language)
        return edition

    def _new(self, language: str) -> "Environment":
        edition = self.overlay()
        assert isinstance(edition, Environment)
        words = catalogue(language)

        def translation(text: str) -> Markup:
            return Markup(words.gettext(text)) % {}  # as jinja2.ext.i18n does

        edition.language, edition.constants, edition.ready = language, {"_": translation}, {}
        edition.globals = dict(self.globals)
        # ``install_gettext_callables`` would install them in the original environment.
        extension: Any = edition.extensions[I18N]
        extension._install_callables(words.gettext, words.ngettext, newstyle=True)
        macros = vars(edition.get_template(MACROS).module)
        known = {name: value for name, value in macros.items() if not name.startswith("_")}
        edition.globals.update(known)
        edition.constants["icon"] = known["icon"]
        return edition

    def make_globals(self, d: Any) -> Any:
        """The globals of a template as a plain dict, which jinja2 copies at each use."""
        return self.globals if self.language and not d else super().make_globals(d)

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> Any:
        if self.language:
            for output in source.find_all(nodes.Output):
                output.nodes = [self._folded(node) for node in output.nodes]
        return super()._generate(source, *args, **kwargs)

    def _folded(self, node: nodes.Expr) -> nodes.Expr:
        """The result of a constant call with one literal; any other node unchanged."""
        if not isinstance(node, nodes.Call) or not isinstance(node.node, nodes.Name):
            return node
        constant = self.constants.get(node.node.name)
        plain = len(node.args) == 1 and not (node.kwargs or node.dyn_args or node.dyn_kwargs)
        if constant is None or not plain or not isinstance(node.args[0], nodes.Const):
            return node
        return nodes.TemplateData(str(constant(node.args[0].value)), lineno=node.lineno)


def init_app(app: Flask) -> None:
    """Install the environment. Call before the first use of ``app.jinja_env``."""
    app.jinja_environment = Environment  # type: ignore[assignment]
