"""No page is taller than its window, so the header stays visible, whatever has the focus."""

import pytest

from tests.auth.test_permissions import routes

NOT_PAGES = ("/api", "/health", "/static", "/admin/status/now")
WIDTHS = {360: 640, 820: 900, 1440: 900}

# What a keyboard and a link may make a browser scroll to, one after the other.
VISIT = """() => {
  const seen = [];
  const look = (what) => {
    const top = document.querySelector('.channel-header').getBoundingClientRect().top;
    const tall = document.documentElement.scrollHeight - innerHeight;
    if (top !== 0 || tall > 0) seen.push(`${what}: header at ${top}, ${tall} px too tall`);
  };
  look('as it opens');
  for (const part of document.querySelectorAll('[id]')) {
    part.scrollIntoView();
    look(`#${part.id}`);
  }
  for (const control of document.querySelectorAll('a, button, input, select, textarea')) {
    control.focus();
    look(`${control.tagName} ${control.name || control.textContent.trim()}`);
  }
  return seen;
}"""


@pytest.fixture(scope="module")
def app_pages(site) -> list[str]:
    """Every page for people who are signed in, by the table of routes."""
    owner = site.members[site.owner]
    channel = owner.new_channel()
    for number in range(30):
        message = owner.say(channel, f"message {number}\n\nand more of it")
    values = {
        "<slug>": channel["slug"],
        "<int:seq>": str(message["seq"]),
        "<message_id>": message["id"],
        "<nickname>": "Ann",
        "<what>": "drill",
        "<user_id>": site.members["Ann"].id,
        "<code>": owner.invite(),
        "<token_id>": "0" * 24,  # leads to the tokens there are
    }
    rules = {row.rule for row in routes() if row.method == "GET" and row.expected[5] == "200"}
    paths = []
    for rule in sorted(rule for rule in rules if not rule.startswith(NOT_PAGES)):
        for part, value in values.items():
            rule = rule.replace(part, value)
        assert "<" not in rule, rule
        paths.append(rule)
    return [*paths, "/settings?saved=1", "/admin/status?done=1"]


def test_no_page_of_the_app_is_taller_than_its_window(owner, app_pages):
    found = {}
    for path in app_pages:
        owner.open(path).online()
        for width, height in WIDTHS.items():
            owner.page.set_viewport_size({"width": width, "height": height})
            found[path, width] = owner.page.evaluate(VISIT)
    assert {page: seen[:3] for page, seen in found.items() if seen} == {}


@pytest.mark.parametrize("link", ["#rollout", "#audit"])
def test_a_link_within_a_page_leaves_the_header_in_reach(owner, link):
    owner.open(f"/admin/status{link}").online()
    assert owner.page.evaluate(VISIT) == []
    assert owner.page.locator(".channel-header").bounding_box()["y"] == 0


@pytest.mark.parametrize("language", ["en", "ru"])
def test_on_a_phone_the_pages_before_logging_in_fit_the_window(site, meet, pages, language):
    visitor = meet("", site.url, viewport={"width": 360, "height": 780}, locale=language)
    for path in pages.public:
        visitor.open(path)
        tall = "document.documentElement.scrollHeight - innerHeight"
        assert visitor.page.evaluate(tall) <= 0, path
