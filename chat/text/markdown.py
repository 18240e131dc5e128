"""What people write → what browsers show: a small Markdown made into safe HTML.

`render` is called once a message, on the write; its answer is stored and sent to everybody. Two
walls stand one behind the other: the parser knows only the rules named here (raw HTML is text to
it), and nh3 then lets through an exact list of tags, attributes, classes and link schemes.

The time it takes is bounded by what goes in, not by a clock: the length of the text, the depth
of nesting, the number of links and delimiters looked for, the amount of code that is coloured.
Beyond a bound the text is shown as it was typed; no text is ever dropped.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape, unescape
from itertools import islice

import emoji
import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments.token import STANDARD_TYPES

from chat.protocol import LARGE_EMOJI
from chat.text import markdown_rules
from chat.text.highlight import Highlighter, language_of

MAX_LENGTH = 10_000  # characters of Markdown; a message has at most 8,000
MAX_DEPTH = 20  # quotes and lists inside each other
MAX_BRACKETS = 400  # "[" looked at as the start of a link
MAX_DELIMITERS = 2_000  # "*", "_", "~" and "`"
MAX_URLS = 50  # "://" turned into links
MOST_LARGE = 100  # characters of a message that is a few emoji and nothing else
MAX_EMOJI = 100  # counted in one text
MAX_HTML = 60_000  # characters; signs alone, each an entity, come to 48,000

_SCHEMES = {"http", "https", "mailto"}
_ALLOWED_URL = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)
_REL = "noopener noreferrer nofollow"

_TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "span", "blockquote", "ul", "ol", "li", "a"}
_ATTRIBUTES = {
    "*": set(),
    "a": {"href", "title"},
    "ol": {"start"},
    "li": {"value"},
    "pre": {"data-language"},
}
_CLASSES = {
    "ol": {f"digits-{count}" for count in range(3, 10)},
    "pre": {"code"},
    "span": {name for name in STANDARD_TYPES.values() if name},
}
_FIXED = {"a": {"target": "_blank"}}
_FOCUSABLE = {"pre": {"tabindex": {"0"}}}  # a long line scrolls sideways, by keyboard too

# One line of words, and signs that no rule looks at: most of what is said. The parser would give it
# back as it is, after a tenth of the work of a post.
_SIGN = re.compile(r"[^\w ,.;!?()'\"-]|_")
MOST_PLAIN = 1000
_BLOCK_ENDS = re.compile(r"<br>|</(?:p|li|pre|blockquote)>")
_BEGINS_WITH_TEXT = re.compile(r"(?:<(?:p|strong|em|s)>)+\w")
_SPACES = re.compile(r"\s+")
# Made once: nh3 takes as long to read these lists as to clean a message.
_second_wall = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    allowed_classes=_CLASSES,
    tag_attribute_values=_FOCUSABLE,
    set_tag_attribute_values=_FIXED,
    url_schemes=_SCHEMES,
    link_rel=_REL,
)
_words_alone = nh3.Cleaner(tags=set())


def render(text: str) -> str:
    """Safe HTML for a text somebody wrote. Never raises for a text, and never drops one."""
    if is_plain(text):
        return f"<p>{text}</p>"
    text = _printable(text)
    return _as_typed(text) if _too_much(text) else parsed(text)


def is_text_alone(html: str, text: str) -> bool:
    """Whether ``html`` says nothing that ``text`` does not: one paragraph with these characters."""
    return html == f"<p>{escape(text, quote=False)}</p>"


def is_plain(text: str) -> bool:
    """Whether the parser would find nothing in it: such a text begins with a letter."""
    return (
        0 < len(text) <= MOST_PLAIN
        and text[0].isalpha()
        and text[-1] != " "
        and not _SIGN.search(text)
    )


def parsed(text: str) -> str:
    """What the parser and the second wall make of a text."""
    env: EnvType = {"highlighter": Highlighter()}
    tokens = _markdown.parse(text, env)
    if any(token.level >= MAX_DEPTH - 1 for token in tokens):
        return _as_typed(text)
    html = sanitise(_markdown.renderer.render(tokens, _markdown.options, env))
    return html if len(html) <= MAX_HTML and _says_something(html) else _as_typed(text)


def plain(text: str, limit: int = 200) -> str:
    """The words alone, on one line, for titles and notifications."""
    words = _text_of(render(text))
    return words if len(words) <= limit else words[: limit - 1].rstrip() + "…"


def emoji_in(text: str) -> list[str]:
    """The emoji a text shows, in order, repeats included; signs such as © or ™ are not emoji."""
    if text.isascii():  # most of what is said, and looking costs more than all the rest of it
        return []
    return list(islice(_pictures_in(text[:MAX_LENGTH]), MAX_EMOJI))


def is_emoji(text: str) -> bool:
    """Whether a text is a few emoji and nothing else: those are shown large."""
    if text.isascii() or len(text) > MOST_LARGE:
        return False
    bare = "".join(text.split())
    found = emoji_in(bare)
    return len(found) <= LARGE_EMOJI and "".join(found) == bare


def _pictures_in(text: str) -> Iterator[str]:
    """The longest emoji at each place. The library's own search takes time in proportion to the
    square of the number of joiners."""
    lengths, at = _lengths_of_pictures(), 0
    while at < len(text):
        signs = (text[at : at + length] for length in lengths.get(text[at], ()))
        found = next((sign for sign in signs if sign in emoji.EMOJI_DATA), "")
        if found and _is_picture(found):
            yield found
        at += len(found) or 1


def sanitise(html: str) -> str:
    """The second wall. Applied to its own answer it changes nothing."""
    return _second_wall.clean(html).strip()


def _printable(text: str) -> str:
    """Half surrogates cannot be stored or sent; other control characters have no picture."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\ufffd", text)


def _too_much(text: str) -> bool:
    return (
        len(text) > MAX_LENGTH
        or text.count("[") > MAX_BRACKETS
        or text.count("://") > MAX_URLS
        or sum(text.count(sign) for sign in "*_~`") > MAX_DELIMITERS
    )


def _as_typed(text: str) -> str:
    lines = escape(text.strip(), quote=False).splitlines()
    return sanitise("<p>" + "<br>\n".join(lines) + "</p>")


def _says_something(html: str) -> bool:
    """Whether there are words in it. Mostly it begins with one, which costs next to nothing."""
    return bool(_BEGINS_WITH_TEXT.match(html) or _text_of(html))


def _text_of(html: str) -> str:
    spaced = _BLOCK_ENDS.sub(lambda end: " " + end[0], html)
    return _SPACES.sub(" ", unescape(_words_alone.clean(spaced))).strip()


@cache
def _lengths_of_pictures() -> dict[str, list[int]]:
    """How long the emoji are that begin with a character, the longest first."""
    found: dict[str, set[int]] = {}
    for sign in emoji.EMOJI_DATA:
        found.setdefault(sign[0], set()).add(len(sign))
    return {first: sorted(lengths, reverse=True) for first, lengths in found.items()}


def _is_picture(sign: str) -> bool:
    status = emoji.EMOJI_DATA[sign]["status"]
    return status in (emoji.STATUS["fully_qualified"], emoji.STATUS["minimally_qualified"])


def _fence(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    token = tokens[index]
    language = language_of(token.info)
    label = f' data-language="{escape(language.label)}"' if language else ""
    code = token.content if language or not token.info.strip() else _with_first_line(token)
    body = env["highlighter"].html(code, language)
    return f'<pre class="code" tabindex="0"{label}><code>{body}</code></pre>\n'


def _with_first_line(fence: Token) -> str:
    """What stands behind the fence and names no language is code that was pasted there."""
    return f"{fence.info.strip()}\n{fence.content}"


def _build() -> MarkdownIt:
    """The parser with these rules and no others: no headings, images, tables or HTML."""
    options = {"breaks": True, "linkify": True, "maxNesting": MAX_DEPTH, "html": False}
    parser = MarkdownIt("zero", options)
    parser.enable(["fence", "blockquote", "list"])
    parser.enable(["newline", "escape", "backticks", "strikethrough", "emphasis", "link"])
    parser.enable(["autolink", "linkify"])
    parser.validateLink = lambda url: bool(_ALLOWED_URL.match(url))  # type: ignore[method-assign]
    markdown_rules.install(parser)
    parser.add_render_rule("fence", _fence)
    return parser


_markdown = _build()
