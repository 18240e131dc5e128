"""Where the Markdown of this chat differs from CommonMark: people type paths, prices and names.

CommonMark was made for documents, where a stray mark is a mistake of the author. In a chat most
marks are meant as themselves. `install` changes these rules of a parser:

- A backslash is a backslash. Before a mark it also takes the mark's meaning away.
- A mark inside a word does nothing (``2*3*4``), and ``__`` is no mark (``__init__``).
- ``![`` is text, and so is a link without words.
- A quote or a list ends with its last marked line; the line below it stands below it.
- A list begins with two items, and each item keeps the number that was typed.
- A bare address ends before closing punctuation of any script, and may name an IPv6 host.
- What is decoded in an address for reading never contains invisible characters.
"""

import re
import unicodedata
from dataclasses import dataclass

from linkify_it import LinkifyIt
from markdown_it import MarkdownIt
from markdown_it.common.normalize_url import normalizeLinkText
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

_MARKS = frozenset("\\*_~`[]<>")
_EMPTY_LINK = re.compile(r"\[\s*\]\(")
_IPV6_URL = re.compile(r"https?://\[[0-9a-f:.]{2,45}\](?::\d{1,5})?(?:[/?#]\S*)?", re.IGNORECASE)
# «quoted» and (bracketed) addresses: ASCII brackets may be part of one, and linkify counts them.
_NEVER_INSIDE = ("Pi", "Pf", "Ps", "Pe")
_INVISIBLE = ("Cc", "Cf", "Cn", "Co", "Zl", "Zp", "Zs")


def install(parser: MarkdownIt) -> None:
    """Give the parser these rules in place of CommonMark's."""
    inline, block = parser.inline.ruler, parser.block.ruler
    inline.at("escape", _backslash)
    inline.at("emphasis", _emphasis)
    inline.at("strikethrough", _strikethrough)
    inline.before("link", "wordless_link", _wordless_link)
    block.before("paragraph", "quote_ends", _ends_quote, {"alt": ["blockquote"]})
    block.before("paragraph", "item_ends", _ends_item, {"alt": ["paragraph"]})
    parser.core.ruler.after("block", "lists_as_typed", _lists_as_typed)
    parser.linkify = _Links()
    parser.normalizeLinkText = _readable  # type: ignore[method-assign,assignment]


# --- Inside a line -----------------------------------------------------------------------------


def _backslash(state: StateInline, silent: bool) -> bool:
    """Show a backslash as typed; the mark behind it is shown as typed, too."""
    pos = state.pos
    if state.src[pos] != "\\":
        return False
    length = 2 if state.src[pos + 1 : pos + 2] in _MARKS and pos + 1 < state.posMax else 1
    if not silent:
        state.pending += state.src[pos : pos + length]
    state.pos += length
    return True


def _emphasis(state: StateInline, silent: bool) -> bool:
    """``*`` and ``_`` at the edges of words, ``**`` too. ``__`` is text: people type __init__."""
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    scanned = state.scanDelims(state.pos, False)
    if marker == "_" and scanned.length > 1:
        state.pending += marker * scanned.length
        state.pos += scanned.length
        return True
    for _ in range(scanned.length):
        _push_delimiter(state, marker, scanned.length, scanned.can_open, scanned.can_close)
    state.pos += scanned.length
    return True


def _strikethrough(state: StateInline, silent: bool) -> bool:
    """``~~`` at the edges of words; one more or less is text."""
    if silent or state.src[state.pos] != "~":
        return False
    scanned = state.scanDelims(state.pos, False)
    if scanned.length == 2:
        _push_delimiter(state, "~~", 0, scanned.can_open, scanned.can_close)
    else:
        state.pending += "~" * scanned.length
    state.pos += scanned.length
    return True


def _push_delimiter(state: StateInline, text: str, length: int, opens: bool, closes: bool) -> None:
    token = state.push("text", "", 0)
    token.content = text
    at = len(state.tokens) - 1
    state.delimiters.append(
        Delimiter(marker=ord(text[0]), length=length, token=at, end=-1, open=opens, close=closes)
    )


def _wordless_link(state: StateInline, silent: bool) -> bool:
    """``[](address)`` and ``![words](address)`` are shown as typed: neither has a picture here."""
    src, pos = state.src, state.pos
    if src.startswith("![", pos) and (pos == 0 or src[pos - 1].isspace()):
        length = 2
    elif _EMPTY_LINK.match(src, pos):
        length = 1
    else:
        return False
    if not silent:
        state.pending += src[pos : pos + length]
    state.pos += length
    return True


# --- Quotes and lists --------------------------------------------------------------------------


def _ends_quote(_state: StateBlock, _line: int, _end: int, silent: bool) -> bool:
    """Asked at a line below a quote that has no ``>``: the quote ends before it."""
    return silent


def _ends_item(state: StateBlock, line: int, _end: int, silent: bool) -> bool:
    """Asked at each further line of a paragraph: one that is not indented leaves the list item."""
    return silent and state.sCount[line] < state.blkIndent


def _lists_as_typed(state: StateCore) -> None:
    """Lists of one item become text again; the others count as their author did."""
    out: list[Token] = []
    at = 0
    while at < len(state.tokens):
        end = _end_of_list(state.tokens, at)
        part = state.tokens[at:end]
        if sum(token.type == "list_item_open" for token in part) == 1:
            part = _as_paragraphs(part)
        _number_items(part)
        for token in part:
            _append(out, token)
        at = end
    state.tokens = out


def _end_of_list(tokens: list[Token], at: int) -> int:
    """Where the list that begins here ends; the next token where none begins."""
    if not tokens[at].type.endswith("_list_open"):
        return at + 1
    level = tokens[at].level
    return next(
        end + 1
        for end in range(at + 1, len(tokens))
        if tokens[end].nesting < 0 and tokens[end].level == level
    )


def _as_paragraphs(tokens: list[Token]) -> list[Token]:
    """What a list of one item holds, with the item's mark written before it."""
    item, inside = tokens[1], tokens[2:-2]
    mark = f"{item.info}{item.markup}"
    for token in inside:
        token.level -= 2
        token.hidden = False
    if inside and inside[0].type == "paragraph_open":
        inside[1].content = f"{mark} {inside[1].content}"
        return inside
    return [*_paragraph(mark, item), *inside]


def _paragraph(text: str, item: Token) -> list[Token]:
    level = item.level - 1
    lines = [item.map[0], item.map[0]] if item.map else None
    return [
        Token("paragraph_open", "p", 1, level=level, map=lines, block=True),
        Token("inline", "", 0, level=level + 1, map=lines, block=True, content=text, children=[]),
        Token("paragraph_close", "p", -1, level=level, block=True),
    ]


def _append(out: list[Token], token: Token) -> None:
    """Add a token; two paragraphs with no empty line between them become one of two lines."""
    if token.type == "inline" and _continues(out, token):
        del out[-2:]  # the end of the one and the beginning of the other
        out[-1].content += f"\n{token.content}"
        out[-1].map = [out[-1].map[0], token.map[1]]  # type: ignore[index]
    else:
        out.append(token)


def _continues(out: list[Token], token: Token) -> bool:
    before = out[-3:-1]
    return (
        [part.type for part in before] == ["inline", "paragraph_close"]
        and not before[1].hidden
        and before[0].map is not None
        and token.map is not None
        and before[0].map[1] == token.map[0]
        and before[0].level == token.level
    )


def _number_items(tokens: list[Token]) -> None:
    """Give the items of each ordered list the numbers that were typed."""
    open_lists: list[list[Token]] = []  # the innermost last, each with its items so far
    for token in tokens:
        if token.type.endswith("_list_open"):
            open_lists.append([token])
        elif token.type == "list_item_open":
            open_lists[-1].append(token)
        elif token.type.endswith("_list_close"):
            opened, *items = open_lists.pop()
            if token.type == "ordered_list_close":
                numbers = [int(item.info) for item in items]
                _write_jumps(items, numbers)
                _make_room(opened, numbers)


def _make_room(opened: Token, numbers: list[int]) -> None:
    """Say how many digits the greatest number has, where it needs more room than most."""
    counted = len(set(numbers)) == 1
    digits = len(str(numbers[0] + len(numbers) - 1 if counted else max(numbers)))
    if digits > 2:
        opened.attrSet("class", f"digits-{min(digits, 9)}")


def _write_jumps(items: list[Token], numbers: list[int]) -> None:
    """Write down each number that is not the next one. "1. 1. 1." asks us to count."""
    if len(set(numbers)) == 1:
        return
    for before, item, number in zip(numbers, items[1:], numbers[1:], strict=False):
        if number != before + 1:
            item.attrSet("value", str(number))


# --- Addresses ---------------------------------------------------------------------------------


@dataclass
class _Address:
    """A bare address that was found; the fields are those of linkify-it's own matches."""

    url: str
    index: int = 0
    schema: str = "http:"

    @property
    def text(self) -> str:
        return self.url

    @property
    def last_index(self) -> int:
        return self.index + len(self.url)


class _Links(LinkifyIt):
    """Finds whole addresses only: "main.py" is a file here, not a host in Paraguay."""

    def __init__(self) -> None:
        super().__init__()
        self.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
        for scheme in ("ftp:", "//", "mailto:"):
            self.add(scheme, None)

    def match(self, text: str) -> list[_Address] | None:
        found = super().match(text) or []
        return [_Address(_ended(each.url), each.index) for each in found] or None

    def match_at_start(self, text: str) -> _Address | None:
        if found := _IPV6_URL.match(text):
            return _Address(_ended(found[0]).rstrip(".,:;!?)'\""))
        found = super().match_at_start(text)
        return _Address(_ended(found.url)) if found else None


def _ended(url: str) -> str:
    """The address without the punctuation of the sentence round it."""
    for at, sign in enumerate(url):
        if not sign.isascii() and unicodedata.category(sign) in _NEVER_INSIDE:
            url = url[:at]
            break
    while not url[-1].isascii() and unicodedata.category(url[-1]).startswith("P"):
        url = url[:-1]
    return url


def _readable(url: str) -> str:
    """The address with its letters decoded, unless a decoded sign could not be seen or turns text
    round: then as typed."""
    decoded = normalizeLinkText(url)
    if any(unicodedata.category(sign) in _INVISIBLE for sign in decoded):
        return url
    return decoded
