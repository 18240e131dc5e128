"""Colours for code in messages, by Pygments, as short classes (`<span class="kn">`)."""

from functools import cache
from html import escape
from typing import NamedTuple

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_all_lexers, get_lexer_by_name

MAX_COLOURED = 4_000  # characters of one message; the rest of its code stays plain
MAX_LINE = 200  # a longer line is data, and slow to read for a lexer
MAX_LINES = 150  # of one block; some lexers look ahead over all of them
MAX_INFO = 40  # of what stands behind the fence
MAX_MARKED = 48_000  # characters of coloured code in one message; of real code it is ten for one

# A list of our own and not all that Pygments knows: each was timed against hostile input (a tenth
# of a second at most within the bounds above). Java is not here: its lexer needs seven times that.
_NAMES = {
    "bash", "c", "console", "cpp", "csharp", "css", "diff", "dockerfile", "elixir", "go",
    "graphql", "haskell", "html", "http", "ini", "javascript", "json", "kotlin", "lua",
    "makefile", "nginx", "perl", "php", "powershell", "python", "r", "ruby", "rust", "scss",
    "sql", "swift", "toml", "typescript", "xml", "yaml",
}  # fmt: skip
_ALIASES = {
    "c#": "csharp", "c++": "cpp", "cs": "csharp", "docker": "dockerfile", "golang": "go",
    "h": "c", "hs": "haskell", "js": "javascript", "jsx": "javascript", "kt": "kotlin",
    "make": "makefile", "node": "javascript", "patch": "diff", "ps1": "powershell",
    "py": "python", "python3": "python", "rb": "ruby", "rs": "rust", "sh": "bash",
    "shell": "bash", "svg": "xml", "ts": "typescript", "tsx": "typescript", "yml": "yaml",
    "zsh": "bash",
}  # fmt: skip

_formatter = HtmlFormatter(nowrap=True)


class Language(NamedTuple):
    """A language: the name Pygments knows it by, None for one we do not colour, and its title."""

    name: str | None
    label: str


def language_of(info: str) -> Language | None:
    """The language that the one word behind a fence names; None for anything else."""
    word = info.strip().casefold()
    if not word or len(word) > MAX_INFO:
        return None
    name = _ALIASES.get(word, word)
    if name in _NAMES:
        return Language(name, _lexer(name).name)
    label = _labels().get(word)
    return Language(None, label) if label else None


class Highlighter:
    """Colours the code of one message, as far as its allowance goes."""

    def __init__(self) -> None:
        self._left, self._marked = MAX_COLOURED, MAX_MARKED

    def html(self, code: str, language: Language | None) -> str:
        """The code as HTML, coloured if the language is known and the code is not too much."""
        if language is None or language.name is None or not self._affordable(code):
            return escape(code, quote=False)
        self._left -= len(code)
        coloured: str = highlight(code, _lexer(language.name), _formatter)
        if len(coloured) > self._marked:  # a mark round each sign
            return escape(code, quote=False)
        self._marked -= len(coloured)
        return coloured

    def _affordable(self, code: str) -> bool:
        lines = code.splitlines()
        return (
            len(code) <= self._left
            and len(lines) <= MAX_LINES
            and all(len(line) <= MAX_LINE for line in lines)
        )


@cache
def _labels() -> dict[str, str]:
    """The title of every language that Pygments knows, by each of its names."""
    known = get_all_lexers(plugins=False)
    return {alias: label for label, aliases, *_ in known for alias in aliases}


@cache
def _lexer(name: str) -> Lexer:
    return get_lexer_by_name(name, stripnl=False, ensurenl=False)
