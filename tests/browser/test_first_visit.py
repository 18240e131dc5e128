"""What a first visit costs: few requests, few bytes, and what is painted comes before what runs."""

import pytest

from tests.browser.conftest import session_of

MOST_REQUESTS, MOST_BYTES = 12, 110_000


@pytest.fixture
def visit(site, meet):
    """Opens pages as Ann, each time with what the browser has kept; what it asked the server."""
    ann = meet("Ann", site.url, storage_state=session_of(site.members["Ann"]))

    def opened(path):
        ann.page.close()
        ann.page = ann.context.new_page()
        devtools, asked = ann.context.new_cdp_session(ann.page), {}
        devtools.send("Network.enable")
        devtools.on(
            "Network.requestWillBeSent",
            lambda told: asked.setdefault(told["requestId"], {"bytes": 0} | told["request"]),
        )
        devtools.on(
            "Network.responseReceived",
            lambda told: asked[told["requestId"]].update(answer=told["response"]),
        )
        devtools.on(
            "Network.loadingFinished",
            lambda told: asked[told["requestId"]].update(bytes=told["encodedDataLength"]),
        )
        ann.open(path).online()
        ann.page.wait_for_load_state("networkidle")
        return [one for one in asked.values() if not is_kept(one) and "answer" in one]

    return opened


def is_kept(request):
    answer = request.get("answer", {})
    return bool(answer.get("fromDiskCache")) or request["url"].startswith("data:")


def test_a_first_visit_is_a_few_compressed_files(site, visit):
    asked = visit(site.channel_path)
    assert 4 <= len(asked) <= MOST_REQUESTS, [one["url"] for one in asked]
    assert sum(one["bytes"] for one in asked) <= MOST_BYTES
    for one in asked:
        headers = {name.lower(): value for name, value in one["answer"]["headers"].items()}
        if int(headers["content-length"]) > 1000:
            assert headers["content-encoding"] in ("br", "zstd"), one["url"]


def test_another_page_brings_nothing_but_itself(site, visit):
    visit(site.channel_path)
    asked = [one["url"] for one in visit(site.channel_path)]
    assert [url for url in asked if "/static/" in url] == []


def test_styles_are_fetched_before_modules(site, visit):
    priorities = {
        one["url"].rsplit("/", 1)[1]: one["initialPriority"] for one in visit(site.channel_path)
    }
    styles = [value for name, value in priorities.items() if name.endswith(".css")]
    modules = [
        value for name, value in priorities.items() if name.startswith(("main-", "socket.io"))
    ]
    assert styles == ["VeryHigh"]
    assert modules == ["Low", "Low"]


def test_the_page_of_an_admin_brings_the_styles_of_admins(site, meet):
    ann = meet("Ann", site.url, storage_state=session_of(site.members["Ann"]))
    owner = meet(site.owner, site.url, storage_state=session_of(site.members[site.owner]))
    sheets = "[...document.styleSheets].map(sheet => sheet.href.split('/').at(-1).split('-')[0])"
    assert ann.open(site.channel_path).page.evaluate(sheets) == ["style"]
    assert owner.open("/admin/status").page.evaluate(sheets) == ["style", "admin"]
