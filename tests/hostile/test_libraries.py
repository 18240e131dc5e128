"""The work for a message is linear in its length, whatever its text."""

import random
from collections.abc import Callable

import emoji
import pytest

from chat.protocol import MESSAGE_CHARACTERS
from chat.text import markdown
from chat.text.highlight import _NAMES, MAX_MARKED, Highlighter, language_of
from chat.text.markdown import MAX_HTML
from chat.text.validate import check_message
from tests.support.effort import share
from tests.support.work import seconds
from tests.support.worst import TEXTS, Maker, repeated

LONGEST = MESSAGE_CHARACTERS
MARKDOWN = [
    "[", "](", "[a](", "[[a", "![", "[a](<b", "[a](b)", "[]()", '[a](b "', "[a]: b\n", "]", "(",
    "*", "*a ", "**a", "_a", "*_", "a_*b*_", "***a ", "~~", "~~a ", "`", "`a``", "a`", "\\", "\\\n",
    "> ", ">", "- ", "-\n", " - a\n", "- > ", ">- ", "1. ", "1.\n", "  \n", "\n", "# a\n",
    "a\n===\n",
    "```\n", "```python\n", "~~~\n", "~~~\n~~~\n", "|a", "\t", "a\t", '"', "'", "&", "&#", "&amp;",
    "<", "<a", "<!--", "<http://a ", "<mailto:a>", "http", "http:/", "http://", "http://a ",
    "x://a",
    "http://a.", "https://a(", "http://a[", "http://a)", "http://a*", "://", "//", "mailto:a",
    "a@a.",
    "@", "www.a.", ":", ".", "\xa0", "ａ", "&eacute;",
]  # fmt: skip
EMOJI = [
    "👨\u200d", "👩\u200d❤\ufe0f\u200d", "👋🏽", "1\ufe0f\u20e3", "🏴\U000e0067", "❤\ufe0f",
    "🇩", "é1", "👨", "\u200d", "\ufe0f", "👨🏽\u200d",
]  # fmt: skip
CODE = [
    "(", "[[", "{{", "<a ", "<!--", "<?", '"', "'", "`", "\\", "/*", "$(", "@@ ", "%w(", "& ", ";",
    "- ", "a(b)", "a=", " ", "\n", "<<EOF\n", 'R"(', '"""', 'f"{', "end\n", "def ", "💥", "a: b\n",
]  # fmt: skip
LITTLE = 0.02  # seconds; whatever takes less is quick enough


def assert_grows_no_faster(
    work: Callable[[str], object], text_of: Callable[[int], str], times: float
) -> None:
    """Half the length is to take about half the time; a little time is not measured well."""
    whole, half = text_of(LONGEST), text_of(LONGEST // 2)
    if seconds(lambda: work(whole), best_of=1) > LITTLE:
        assert seconds(lambda: work(whole)) < times * seconds(lambda: work(half)) + LITTLE


@pytest.mark.parametrize("unit", [*MARKDOWN, *EMOJI])
def test_marking_up_grows_with_the_length(unit: str) -> None:
    assert_grows_no_faster(markdown.render, repeated(unit), 3)


@pytest.mark.parametrize("unit", EMOJI)
def test_looking_for_emoji_grows_with_the_length(unit: str) -> None:
    assert_grows_no_faster(markdown.emoji_in, repeated(unit), 3)


@pytest.mark.parametrize("maker", TEXTS.values(), ids=TEXTS)
def test_a_message_of_anything_is_dealt_with_in_proportion(maker: Maker) -> None:
    for work in (markdown.render, markdown.plain, markdown.emoji_in):
        assert_grows_no_faster(work, maker, 3)


@pytest.mark.parametrize("name", sorted(_NAMES))
def test_no_language_is_slow_to_colour_or_long_when_coloured(name: str) -> None:
    """Within its bounds: some lexers need the square of the length, and so little is no harm."""
    language = language_of(name)

    def coloured(code: str) -> None:
        assert len(Highlighter().html(code, language)) <= MAX_MARKED

    for unit in share(CODE, name):
        assert_grows_no_faster(coloured, lambda n, unit=unit: code_of(unit, n // 2), 5)


def code_of(unit: str, length: int) -> str:
    """Code that is just short enough to be coloured."""
    text = repeated(unit)(length)
    if "\n" not in text:
        text = "\n".join(text[at : at + 199] for at in range(0, length, 200))
    return "\n".join(text.splitlines()[:150])


@pytest.mark.parametrize("unit", [*MARKDOWN, *EMOJI, "\xa0*", "<mailto:a@b>\n", "[a](mailto:b)\n"])
def test_no_message_becomes_more_than_a_page(unit: str) -> None:
    assert len(markdown.render(repeated(unit)(LONGEST))) <= MAX_HTML


def test_code_of_signs_alone_is_shown_without_colours() -> None:
    block = "```yaml\n" + code_of("- ", 3900) + "\n```"
    html = markdown.render(block)
    assert "<span" not in html
    assert 'data-language="YAML"' in html
    assert check_message(block)


def test_every_emoji_is_found_as_itself() -> None:
    for sign in emoji.EMOJI_DATA:
        if markdown._is_picture(sign):
            assert markdown.emoji_in(f"a{sign}é") == [sign]


def test_emoji_are_those_that_the_library_finds() -> None:
    """Where no joiner is left over at the end of one, of which the library gives up the whole."""
    chance = random.Random(7)
    pieces = [
        "👨",
        "👩",
        "❤",
        "❤️",
        "🇩",
        "🇪",
        "👋🏽",
        "🏻",
        "#",
        "1",
        "a",
        "é",
        "👨‍👩‍👧",
        "❤️‍🔥",
        "1️⃣",
    ]
    for _ in range(2000):
        text = "é" + "".join(chance.choices(pieces, k=8))
        found = [match["emoji"] for match in emoji.emoji_list(text)]
        assert markdown.emoji_in(text) == [sign for sign in found if markdown._is_picture(sign)]
