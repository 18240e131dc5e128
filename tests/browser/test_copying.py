"""Copied messages have the author, the time and the text, without buttons."""

from tests.browser.person import Person

# Selects from one message to another; what the page puts on the clipboard, and what is selected.
COPY = """([from, to]) => {
  const rows = [...document.querySelectorAll(".message")];
  const find = text => rows.find(row => row.innerText.includes(text));
  const range = document.createRange();
  range.setStartBefore(find(from)); range.setEndAfter(find(to));
  getSelection().removeAllRanges(); getSelection().addRange(range);
  const clipboardData = new DataTransfer();
  const event = new ClipboardEvent("copy", { clipboardData, bubbles: true, cancelable: true });
  document.activeElement.blur();
  document.body.dispatchEvent(event);
  return [clipboardData.getData("text/plain"), getSelection().toString()];
}"""


def time_of(person: Person, text: str) -> str:
    return person.row(text).locator("time").inner_text()


def test_several_messages_are_copied_with_author_time_and_text(ann, room):
    room.bob_says("**first** of all\nin two lines", "second")
    room.ann_says("- one\n- other")
    ann.sees_stored("first of all")
    ann.sees_stored("second")
    ann.sees_stored("other")
    copied, _native = ann.page.evaluate(COPY, ["first", "other"])
    at = [time_of(ann, text) for text in ("first of all", "second", "one")]
    assert copied.split("\n") == [
        f"Bob, {at[0]}", "first of all", "in two lines",
        f"Bob, {at[1]}", "second",
        f"Ann, {at[2]}", "one", "other",
    ]  # fmt: skip


def test_no_button_is_among_what_is_selected(ann, room):
    room.ann_says("only this")
    ann.sees_stored("only this").hover()
    copied, native = ann.page.evaluate(COPY, ["only this", "only this"])
    assert copied == ""
    assert "only this" in native
    assert not any(word in native for word in ("Copy link", "Edit", "Delete"))


def test_half_a_message_is_copied_as_half(ann, room):
    room.bob_says("the beginning is left out", "the end is, too")
    ann.sees_stored("the beginning")
    ann.sees_stored("the end")
    copied = ann.page.evaluate(
        """() => {
          const parts = [...document.querySelectorAll(".message-body p")];
          const [first, last] = parts.map(part => part.firstChild);
          getSelection().setBaseAndExtent(first, 14, last, 7);
          const clipboardData = new DataTransfer();
          document.body.dispatchEvent(
            new ClipboardEvent("copy", { clipboardData, bubbles: true, cancelable: true }));
          return clipboardData.getData("text/plain");
        }"""
    )
    assert [line for line in copied.split("\n") if "Bob" not in line] == ["is left out", "the end"]
