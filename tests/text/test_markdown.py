"""Markdown becomes safe HTML, in linear time, without loss of text."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chat.text import highlight, markdown
from chat.text.markdown import MAX_DEPTH, emoji_in, parsed, plain, render, sanitise
from tests.support.effort import examples


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("**b** *i* ~~s~~ `c`", "<strong>b</strong> <em>i</em> <s>s</s> <code>c</code>"),
        ("one\ntwo", "one<br>\ntwo"),
        ("one\n\ntwo", "<p>one</p>\n<p>two</p>"),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>'),
        ("# no heading", "<p># no heading</p>"),
        ("no\n---", "<p>no<br>\n---</p>"),
        ("| a |\n|---|\n| b |", "<p>| a |<br>\n|---|<br>\n| b |</p>"),
        ("<b>raw</b> &amp;", "<p>&lt;b&gt;raw&lt;/b&gt; &amp;amp;</p>"),
        ("snake_case_name", "<p>snake_case_name</p>"),
    ],
)
def test_the_subset_is_rendered_and_everything_else_stays_text(written: str, shown: str) -> None:
    assert shown in render(written)


@pytest.mark.parametrize(
    "written",
    [
        "\\\\srv\\docs\\_a",
        "C:\\_work\\*.log",
        "\\*not bold\\* and C:\\_a\\_",
        "2*3*4",
        "__init__ and __init__.py",
        "a~~b~~c",
        "не**в**слове",
        "4. July",
        "- 5 degrees",
        "7) maybe",
        "![] and [](nowhere)",
    ],
)
def test_marks_that_are_meant_as_themselves_are_shown_as_typed(written: str) -> None:
    assert render(written) == f"<p>{written}</p>"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("3. yes\n7. no", '<ol start="3">\n<li>yes</li>\n<li value="7">no</li>\n</ol>'),
        ("0. a\n1. b\n5. c", '<ol start="0">\n<li>a</li>\n<li>b</li>\n<li value="5">c</li>'),
        ("1. a\n1. b\n1. c", "<ol>\n<li>a</li>\n<li>b</li>\n<li>c</li>\n</ol>"),
        ("9. a\n8. b", '<ol start="9">\n<li>a</li>\n<li value="8">b</li>'),
    ],
)
def test_a_list_has_the_numbers_that_were_typed(written: str, shown: str) -> None:
    assert shown in render(written)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("> said\nyes", "<blockquote>\n<p>said</p>\n</blockquote>\n<p>yes</p>"),
        ("> - a\n> - b\nyes", "</ul>\n</blockquote>\n<p>yes</p>"),
        ("- a\n- b\nyes", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<p>yes</p>"),
        ("cold:\n- 5 degrees\nbrr", "<p>cold:<br>\n- 5 degrees<br>\nbrr</p>"),
        ("- a\n  - b", "<ul>\n<li>a\n<ul>\n<li>b</li>\n</ul>\n</li>\n</ul>"),
        ("- ```\n  x\n  ```", "<p>-</p>\n<pre"),
    ],
)
def test_what_stands_below_a_quote_or_a_list_is_shown_below_it(written: str, shown: str) -> None:
    assert shown in render(written)


@pytest.mark.parametrize(
    ("written", "address", "text"),
    [
        ("«https://example.org/b»", "https://example.org/b", "https://example.org/b"),
        ("“https://example.org/b”.", "https://example.org/b", "https://example.org/b"),
        ("https://example.org/b。", "https://example.org/b", "https://example.org/b"),
        ("(https://example.org/b(c))", "https://example.org/b(c)", "https://example.org/b(c)"),
        ("at http://[::1]:8000/, no?", "http://[::1]:8000/", "http://[::1]:8000/"),
        ("https://a.org/%D0%9F", "https://a.org/%D0%9F", "https://a.org/П"),
        ("https://a.org/%E2%80%AEx", "https://a.org/%E2%80%AEx", "https://a.org/%E2%80%AEx"),
        ("https://a.org/%C2%ADx%0A", "https://a.org/%C2%ADx%0A", "https://a.org/%C2%ADx%0A"),
        ("![](https://a.org/b.png)", "https://a.org/b.png", "https://a.org/b.png"),
        ("see [](https://a.org/b)", "https://a.org/b", "https://a.org/b"),
    ],
)
def test_an_address_is_linked_whole_and_alone(written: str, address: str, text: str) -> None:
    linked = re.findall('<a href="([^"]*)"[^>]*>(.*?)</a>', render(written))
    assert linked == [(address, text)]


def test_a_link_without_words_is_shown_as_typed() -> None:
    assert plain("see ![](https://a.org/b) [ ](https://a.org/c)") == (
        "see ![](https://a.org/b) [ ](https://a.org/c)"
    )


SIGNS = st.sampled_from(" ,.;!?()'\"-_*~`[]<>&:/\\#\n1h2tps")
ALPHABET = st.one_of(SIGNS, SIGNS, st.characters(categories=["L", "N", "M", "P", "Z"]))


@given(st.text(ALPHABET, max_size=12), st.sampled_from(["", "a", "Ж", "see 1. ", "see https://a"]))
@settings(max_examples=examples(2000))
def test_words_that_are_not_parsed_look_as_if_they_had_been(end: str, begin: str) -> None:
    text = begin + end
    assume(markdown.is_plain(text))
    assert render(text) == parsed(text)


def test_plain_words_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "parsed", lambda text: pytest.fail(f"parsed: {text}"))
    assert render("Да, it's done (see 4b); really?") == "<p>Да, it's done (see 4b); really?</p>"


@pytest.mark.parametrize(
    ("written", "href"),
    [
        ("[docs](https://x.org/a?b=1&c=2)", "https://x.org/a?b=1&amp;c=2"),
        ("see https://x.org/a_b_c.", "https://x.org/a_b_c"),
        ("<mailto:a@x.org>", "mailto:a@x.org"),
        ("http://пример.рф", "http://xn--e1afmkfd.xn--p1ai"),
    ],
)
def test_links_open_elsewhere_and_tell_nothing(written: str, href: str) -> None:
    expected = f'<a href="{href}" target="_blank" rel="noopener noreferrer nofollow">'
    assert expected in render(written)


@pytest.mark.parametrize(
    "written",
    [
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](java\tscript:alert(1))",
        "[x](data:text/html,x)",
        "[x](vbscript:x)",
        "[x](//evil.org)",
        "[x](/logout)",
        "<javascript:alert(1)>",
        "ftp://x.org file:///etc/passwd",
        "main.py and example.org",
    ],
)
def test_other_addresses_stay_text(written: str) -> None:
    assert "<a" not in render(written)


def test_images_become_links_at_most() -> None:
    assert "<img" not in render("![cat](https://x.org/cat.png)")


def test_fenced_code_is_coloured_with_short_classes_and_names_its_language() -> None:
    html = render("```py\nimport os\n```")
    assert '<pre class="code" tabindex="0" data-language="Python"><code>' in html
    assert '<span class="kn">import</span>' in html
    assert "style=" not in html


def test_code_in_an_unknown_language_is_plain() -> None:
    html = render('```klingon" onload="x\n<b>\n```')
    assert html == (
        '<pre class="code" tabindex="0"><code>klingon" onload="x\n&lt;b&gt;\n</code></pre>'
    )


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("```from x import y\nz\n```", "from x import y\nz"),
        ("```ls\na\n```", "ls\na"),
        ("```python print(1)\nx\n```", "python print(1)\nx"),
        ("~~~ wait ~~~", "wait ~~~"),
    ],
)
def test_words_behind_a_fence_that_name_no_language_are_code(written: str, shown: str) -> None:
    assert f'<pre class="code" tabindex="0"><code>{shown}\n</code></pre>' in render(written)


def test_a_language_that_is_not_coloured_is_named_all_the_same() -> None:
    assert 'data-language="Java"><code>x\n</code>' in render("```java\nx\n```")


def test_too_much_code_is_shown_without_colours() -> None:
    block = "```py\n" + "x = 1\n" * 100 + "```\n"
    html = render(block * 8)
    assert html.count("<pre") == 8
    assert plain(block * 8, 99_999).count("x = 1") == 800
    assert "<span" not in html.split("<pre")[-1]


@pytest.mark.parametrize("written", ["- ", "[](https://x.org)", "```\n```", "> ", "* * *", "**"])
def test_a_message_never_becomes_nothing(written: str) -> None:
    assert plain(written)


def test_too_deep_a_nesting_is_shown_as_typed() -> None:
    written = ">" * (MAX_DEPTH * 2) + " deep"
    assert plain(written) == written


def test_half_a_surrogate_is_no_error() -> None:
    assert render("a\ud800b") == "<p>a?b</p>"


def test_plain_is_one_line_of_words() -> None:
    assert plain("**a**\nb\n\n- c\n- `d` &lt;") == "a b c d &lt;"
    assert plain("x" * 300, limit=10) == "x" * 9 + "…"


def test_emoji_are_found_whole_and_in_order() -> None:
    assert emoji_in("hi 👍🏽👨‍👩‍👧 ❤️ 👍🏽 🇷🇺") == ["👍🏽", "👨‍👩‍👧", "❤️", "👍🏽", "🇷🇺"]
    assert emoji_in("© 2024 ™ #1 :)") == []


class _Reader(HTMLParser):
    """Notes every tag and attribute, and that tags close in the order they were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


_SAFE_TAGS = {
    "p",
    "br",
    "strong",
    "em",
    "s",
    "code",
    "pre",
    "span",
    "blockquote",
    "ul",
    "ol",
    "li",
    "a",
}
_SAFE_ATTRIBUTES = {
    ("a", "href"): r"(?i)(https?://|mailto:)\S+",
    ("a", "target"): "_blank",
    ("a", "rel"): "noopener noreferrer nofollow",
    ("a", "title"): r"(?s).*",
    ("ol", "start"): r"\d+",
    ("li", "value"): r"\d+",
    ("pre", "class"): "code",
    ("pre", "tabindex"): "0",
    ("pre", "data-language"): r"[\w #+.\-]+",
    ("span", "class"): r"[a-z0-9]+( [a-z0-9]+)*",
}

_MARKS = """
* ** _ ~~ ` ``` - 1. > >> [ ] ( ) ]( <script> </script> <img onerror=x> <svg/onload=x> < >
javascript:alert(1) java&#115;cript: https:// http://a.b mailto: data: \\ &#x6a; &lt; " '
```py ```html </code> </pre> <!-- --> <![CDATA[ ]]> onclick=x style=x 😀
"""
_PIECES = st.sampled_from([*_MARKS.split(), "\n", "\n\n", " ", "\t", "\x00"])
_TEXTS = st.lists(_PIECES | st.text(max_size=8), max_size=30).map("".join) | st.text()


@given(_TEXTS)
def test_whatever_is_written_the_html_holds_only_what_is_allowed(written: str) -> None:
    reader = _Reader()
    reader.feed(render(written))
    reader.close()
    assert reader.open == []
    assert reader.tags <= _SAFE_TAGS
    for tag, name, value in reader.attributes:
        assert re.fullmatch(_SAFE_ATTRIBUTES[tag, name], value), (tag, name, value)


@given(_TEXTS)
def test_sanitising_twice_changes_nothing(written: str) -> None:
    html = render(written)
    assert sanitise(html) == html


@given(st.text(alphabet="abcdefgh \n", min_size=1))
def test_no_word_is_lost(written: str) -> None:
    assert plain(written, 99_999).split() == written.split()


@given(st.text(alphabet="qzж \n\t*_~`>-+.#\\!", min_size=1, max_size=60))
@settings(max_examples=examples(1000))
def test_no_letter_is_lost_whatever_marks_stand_round_it(written: str) -> None:
    assert re.findall("[qzж]", plain(written, 99_999)) == re.findall("[qzж]", written)


_HOSTILE = r"[ ![ [a]( *a **a _ *_ ~~a ` ``` > - 1. http:// http://a.b < \ &amp; ]( ( x:// a@b"


@pytest.mark.parametrize(
    "unit", [*_HOSTILE.split(), "- a\n", "> a\n", " - a\n  ", "a\n", "\n", "```\n"]
)
def test_a_hostile_text_is_rendered_in_bounded_time(unit: str) -> None:
    text = (unit * 8_000)[:8_000]
    assert _cpu_seconds(lambda: render(text)) < 0.6


@pytest.mark.parametrize("language", ["python", "c", "cpp", "csharp", "ruby", "kotlin", "html"])
def test_hostile_code_is_coloured_in_bounded_time(language: str) -> None:
    for unit in ["(", "{", "<", '"', "a ", "a\n", "\n", "\t\n", "x x\n", "/*", "//"]:
        lines = unit * 4_000 if "\n" in unit else (unit * 190 + "\n") * 30
        text = f"```{language}\n{lines[: highlight.MAX_COLOURED - 100]}\n```"
        assert _cpu_seconds(lambda text=text: render(text)) < 0.8, unit  # type: ignore[misc]


def _cpu_seconds(work) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
