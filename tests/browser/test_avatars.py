"""Avatar colours: spread over a team, and the same on the server and in the browser."""

from secrets import token_hex

from bson import ObjectId

from chat.protocol import HUES
from chat.views.shell import hue
from tests.browser.conftest import session_of

TURN = 360 / HUES


def distance(one: str, other: str) -> float:
    """Degrees between two colours, the shorter way round."""
    apart = abs(int(one.removeprefix("hue-")) - int(other.removeprefix("hue-"))) * TURN
    return min(apart, 360 - apart)


def test_the_first_people_of_a_team_have_colours_of_their_own():
    for step in (1, 2, 3, 4, 5, 6, 7, 9):  # what else a process makes for each new account
        ids = [ObjectId() for _ in range(10 * step)][::step]
        colours = {hue(str(oid)) for oid in ids}
        assert len(colours) >= 6, (step, colours)
    neighbours = [str(ObjectId()) for _ in range(2)]
    assert distance(*map(hue, neighbours)) > 90


def test_many_people_use_every_colour_about_equally_often():
    counts = dict.fromkeys((f"hue-{number}" for number in range(HUES)), 0)
    for _ in range(200 * HUES):
        counts[hue(token_hex(12))] += 1
    assert min(counts.values()) > 100
    assert max(counts.values()) < 300


def test_the_browser_gives_everybody_the_colour_that_the_server_gives(site, meet):
    ann = meet("Ann", site.url, storage_state=session_of(site.members["Ann"]))
    ann.open("/settings").online()
    ids = [*(token_hex(12) for _ in range(200)), "0" * 24, "f" * 24]
    script = "async ids => ids.map((await import('/static/js/logic/avatar.js')).hue)"
    assert ann.page.evaluate(script, ids) == [hue(oid) for oid in ids]
    rules = ann.page.evaluate(
        """(hues) => {
      const node = document.createElement("span");
      document.body.append(node);
      return [...Array(hues).keys()].map((number) => {
        node.className = `avatar hue-${number}`;
        return Number(getComputedStyle(node).getPropertyValue("--hue"));
      });
    }""",
        HUES,
    )
    assert len(set(rules)) == HUES
