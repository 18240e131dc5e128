"""The looks of messages: large emoji, list numbers, direction of text, no overlap."""

from playwright.sync_api import Locator, expect

from tests.browser.conftest import session_of

PILED = "Z" + "\u0301\u0316" * 30
HEBREW = "שלום לכולם"


def box(locator: Locator) -> dict[str, float]:
    found = locator.bounding_box()
    assert found
    return dict(found)


def style(locator: Locator, name: str) -> str:
    return str(locator.evaluate("(node, name) => getComputedStyle(node)[name]", name))


def test_a_few_emoji_alone_are_large_at_once_and_after_a_reload(ann, wire):
    texts = {"👍": True, "🎉 👩‍🚀 1️⃣": True, "👍 yes": False, "7": False, "🎉" * 7: False}
    wire.cut()
    ann.offline()
    for text in texts:
        ann.write(text)
    for when in ("on the way", "stored", "read again"):
        for number, (text, is_large) in enumerate(texts.items()):
            body = ann.rows.nth(number).locator(".message-body")
            expect(body).to_have_text(text)
            assert (float(style(body, "fontSize")[:-2]) > 30) == is_large, (text, when)
        if when == "on the way":
            wire.mend()
            expect(ann.page.locator(".message[data-seq]:not([data-seq=''])")).to_have_count(5)
        elif when == "stored":
            ann.page.reload()
            ann.online()


LISTS = (
    "98. a\n99. b\n100. c",
    "1. a\n2. b\n1000. c",
    "123456789. far\n123456790. further",
    "\n".join(f"{number}. x" for number in range(1, 121)),
)
# The width of a list's column of numbers, and that of its longest number.
MEASURE = """list => {
  const brush = document.createElement("canvas").getContext("2d");
  const style = getComputedStyle(list);
  brush.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  let number = list.start, most = 0;
  for (const item of list.children) {
    number = item.hasAttribute("value") ? item.value : number;
    most = Math.max(most, number);
    number += 1;
  }
  return [parseFloat(style.paddingInlineStart), brush.measureText(`${most}. `).width];
}"""


def test_numbers_of_a_list_stand_in_its_column(ann):
    for text in LISTS:
        ann.write(text)
    lists = ann.page.locator(".message ol")
    expect(lists).to_have_count(len(LISTS))
    for number, text in enumerate(LISTS):
        column, needed = lists.nth(number).evaluate(MEASURE)
        assert column >= needed, text
        assert style(lists.nth(number), "listStyleType") == "decimal"


def test_the_composer_is_as_wide_as_the_text_above_it(ann, room):
    room.ann_says("word " * 80)
    ann.sees_stored("word word")
    for width in (820, 1440, 2200):
        ann.page.set_viewport_size({"width": width, "height": 900})
        text = box(ann.page.locator(".message-content"))
        composer = box(ann.page.locator("#composer"))
        assert abs(text["x"] - composer["x"]) <= 1, width
        assert abs(text["width"] - composer["width"]) <= 1, width


def test_the_message_of_a_link_shows_its_author(site, meet):
    member = site.members["Ann"]
    channel = member.new_channel()
    for text in ("one", "two", "three"):
        member.say(channel, text)
    for options in ({}, {"java_script_enabled": False}):
        reader = meet("Ann", site.url, storage_state=session_of(member), **options)
        reader.open(f"/channels/{channel['slug']}/m/2")
        if not options:
            reader.online()  # the script has looked at every row
        author = reader.row("two").locator(".message-author")
        assert box(author)["width"] > 10
        assert box(reader.row("three").locator(".message-author"))["width"] <= 2


def test_signs_piled_on_a_letter_stay_in_their_row(site, ann, room):
    texts = ("neighbour above", "the one between", "neighbour below")
    room.bob_says(*texts)
    for text in texts:
        ann.sees_stored(text)
    ann.page.mouse.move(0, 0)
    around = [ann.row(text) for text in ("neighbour above", "neighbour below")]
    before = [row.screenshot() for row in around]
    identity = ann.row("the one between").get_attribute("data-id")
    piled = {"text": f"{PILED} {PILED} {PILED}"}
    assert site.members["Bob"].patch(f"/api/messages/{identity}", piled).ok
    expect(ann.row("the one between")).to_have_count(0)
    edited = ann.page.locator(".message", has=ann.page.locator(".message-edited:visible"))
    edited.locator(".message-edited").evaluate("node => (node.hidden = true)")
    assert [row.screenshot() for row in around] == before


def test_hebrew_reads_from_right_to_left_and_keeps_to_itself(ann, room):
    room.bob_says(f"{HEBREW}!", f"plain first\n\n> {HEBREW}")
    ann.sees_stored("plain first")
    body = ann.row(f"{HEBREW}!").locator(".message-body")
    assert style(body, "direction") == "rtl"
    assert style(body.locator("p"), "textAlign") == "start"
    assert style(ann.row("plain first").locator(".message-body"), "direction") == "ltr"
    for selector in (
        ".message-body",
        ".message-author",
        ".side-name",
        ".person-name",
        "h1 .channel-name",
    ):
        first = ann.page.locator(selector).first
        assert first.get_attribute("dir") == "auto", selector
        assert style(first, "unicodeBidi") in ("isolate", "plaintext"), selector
    right = body.evaluate(
        """body => {
          const range = document.createRange();
          range.selectNodeContents(body);
          return body.getBoundingClientRect().right - range.getBoundingClientRect().right;
        }"""
    )
    assert right <= 1
