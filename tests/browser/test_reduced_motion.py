"""With prefers-reduced-motion, nothing moves on any page."""

from playwright.sync_api import expect

MOVING = """() => {
  const moves = style =>
    style.scrollBehavior === "smooth" ||
    [...style.transitionDuration.split(","), ...style.transitionDelay.split(",")].some(time => parseFloat(time) > 0) ||
    (style.animationName !== "none" && parseFloat(style.animationDuration) > 0);
  const found = new Set();
  for (const node of document.querySelectorAll("*")) {
    for (const part of [null, "::before", "::after", "::backdrop"]) {
      if (moves(getComputedStyle(node, part))) found.add(`${node.tagName}.${node.className.baseVal ?? node.className}${part ?? ""}`);
    }
  }
  return [...found].sort();
}"""  # noqa: E501


def test_nothing_moves_on_any_page(owner, pages):
    owner.page.emulate_media(reduced_motion="reduce")
    found = {}
    for path in [*pages.signed_in, "/login"]:
        owner.open(path)
        found[path] = owner.page.evaluate(MOVING)
    assert {path: moving for path, moving in found.items() if moving} == {}


def test_nothing_moves_in_what_opens(ann):
    ann.page.emulate_media(reduced_motion="reduce")
    ann.write("mine")
    row = ann.sees_stored("mine")
    ann.act(row, "copy-link")
    expect(ann.page.locator(".toast")).to_be_attached()
    assert ann.page.evaluate(MOVING) == []
    ann.act(row, "delete")
    expect(ann.page.locator("dialog[open]")).to_be_visible()
    assert ann.page.evaluate(MOVING) == []


def test_without_the_wish_some_things_do_move(ann):
    assert ann.page.evaluate(MOVING)
