"""axe-core finds no serious violation on any page, light or dark; the keyboard is enough."""

import json
from pathlib import Path

from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = {"serious", "critical"}
SCHEMES = ("light", "dark")


def serious(page) -> list[str]:
    """What axe calls serious or critical, one line each."""
    # Evaluated by the debugger, as an inline script could not be: the page's policy forbids it.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {json.dumps(node['target'])} {node['failureSummary']}"
        for violation in result["violations"]
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


def in_both_schemes(page) -> list[str]:
    """The same for light and dark, and not for a colour on the way from one to the other."""
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [f"{scheme}: {line}" for line in serious(page)]
    return found


def test_no_page_has_a_serious_violation(site, meet, owner, pages):
    found = {}
    visitor = meet("", site.url)
    for person, paths in ((visitor, pages.public), (owner, pages.signed_in)):
        for path in paths:
            person.open(path)
            found[path] = in_both_schemes(person.page)
    assert {path: rows for path, rows in found.items() if rows} == {}


def test_the_states_of_a_conversation_have_no_serious_violation(ann, room, wire):
    room.bob_says(
        "a `code`, a [link](https://example.org) and **bold**\n\n```python\nprint('x')\n```"
    )
    ann.sees("a code")
    ann.write("mine")
    ann.sees("mine")
    ann.composer.press("ArrowUp")
    expect(ann.page.locator(".edit-form textarea")).to_be_focused()
    assert in_both_schemes(ann.page) == []
    ann.page.keyboard.press("Escape")
    for keys, dialog in (("Control+k", "#switcher"), ("Control+/", "#shortcuts")):
        ann.page.keyboard.press(keys)
        expect(ann.page.locator(dialog)).to_be_visible()
        assert in_both_schemes(ann.page) == []
        ann.page.keyboard.press("Escape")
    wire.cut()
    expect(ann.page.locator("#connection")).to_be_visible()
    ann.write("waits")
    ann.sees("waits")
    assert in_both_schemes(ann.page) == []


def test_a_message_is_written_edited_and_deleted_by_keyboard_alone(ann, bob):
    keyboard = ann.page.keyboard
    path = ann.channel_path
    ann.open("/settings").online()
    keyboard.press("Tab")
    expect(ann.page.locator(".skip-link")).to_be_focused()
    ann.open(path).online()
    ann.composer.focus()
    keyboard.type("line one")
    keyboard.press("Shift+Enter")
    keyboard.type("line two")
    keyboard.press("Enter")
    bob.sees("line two")
    ann.sees("line two")
    keyboard.press("ArrowUp")
    expect(ann.page.locator(".edit-form textarea")).to_be_focused()
    keyboard.press("Control+a")
    keyboard.type("rewritten")
    keyboard.press("Enter")
    bob.sees("rewritten")
    ann.sees("rewritten").focus()
    for _ in range(6):
        keyboard.press("Tab")
        if ann.page.evaluate("document.activeElement.dataset.action") == "delete":
            break
    keyboard.press("Enter")
    expect(ann.page.locator("dialog[open] button[value=yes]")).to_be_focused()
    keyboard.press("Enter")
    expect(bob.row("rewritten")).to_have_count(0)
