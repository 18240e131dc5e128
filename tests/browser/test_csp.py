"""No page violates its content security policy or writes to the console."""

from playwright.sync_api import expect


def watch(page) -> list[str]:
    said: list[str] = []

    def hear(line) -> None:
        # A page that is itself a refusal is announced as one; that is not noise of its making.
        own_status = "with a status of 4" in line.text and line.location.get("url") == page.url
        if line.type in ("error", "warning") and not own_status:
            said.append(line.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: said.append(str(error)))
    # Blocked things are reported as events even where the console keeps quiet.
    page.add_init_script(
        """document.addEventListener("securitypolicyviolation", (event) =>
        console.error("CSP: " + event.violatedDirective + " " + event.blockedURI));"""
    )
    return said


def test_every_page_keeps_its_own_policy_and_a_quiet_console(site, meet, pages):
    visitor = meet("", site.url)
    said = watch(visitor.page)
    for path in pages.public:
        visitor.open(path)
        visitor.page.wait_for_load_state("networkidle")
    owner = meet(site.owner, site.url).log_in()
    said_inside = watch(owner.page)
    for path in pages.signed_in:
        owner.open(path)
        if path in pages.live:
            owner.online()
        else:
            owner.page.wait_for_load_state("networkidle")
        policy = owner.page.evaluate(
            "fetch(location.href).then(r => r.headers.get('content-security-policy'))"
        )
        assert "unsafe" not in policy
        assert "default-src" in policy
    assert said == []
    assert said_inside == []


def test_talking_editing_and_dialogs_keep_the_policy(ann):
    said = watch(ann.page)
    ann.page.reload()
    ann.online()
    ann.write("```python\nprint('coloured')\n```")
    ann.sees_stored("coloured")
    ann.composer.press("ArrowUp")
    ann.page.keyboard.press("Escape")
    ann.page.keyboard.press("Control+k")
    expect(ann.page.locator("#switcher")).to_be_visible()
    ann.page.keyboard.press("Escape")
    assert said == []
