"""The growth curves: valid SVG with all figures inside the picture and as text."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from benchmarks import picture

SVG = "{http://www.w3.org/2000/svg}"
LINES = {
    "list & page": [(10, 0.4), (100, 7.0), (1_000, 123.4)],
    "nearly the same": [(10, 0.5), (100, 7.0), (1_000, 123.0)],
    "floor": [(10, 0.0), (100, 0.0), (1_000, 0.0)],
}


@pytest.fixture
def drawn(tmp_path):
    file = tmp_path / "growth" / "people.svg"
    picture.draw(file, "Title <1>", "people", "CPU, ms", LINES)
    return ElementTree.parse(file).getroot()


def test_who_does_not_see_the_picture_is_told_its_figures(drawn):
    assert drawn.get("role") == "img"
    assert drawn.find(f"{SVG}title").text == "Title <1>"
    words = drawn.find(f"{SVG}desc").text
    assert words.startswith("CPU, ms by people.")
    assert "list & page: 0.4 at 10, 7 at 100, 123 at 1,000." in words
    assert set(drawn.get("aria-labelledby").split()) == {
        node.get("id") for node in drawn.iter() if node.get("id")
    }


def test_every_figure_lies_between_the_axes(drawn):
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in drawn.iter(f"{SVG}circle")]
    assert len(dots) == 9
    assert all(picture.LEFT <= x <= picture.WIDTH - picture.RIGHT for x, _ in dots)
    assert all(picture.TOP <= y <= picture.HEIGHT - picture.BOTTOM for _, y in dots)


def test_names_of_lines_that_end_together_do_not_cover_each_other(drawn):
    places = [
        float(text.get("y"))
        for text in drawn.iter(f"{SVG}text")
        if re.match("list|nearly|floor", text.text)
    ]
    assert len(places) == 3
    assert min(b - a for a, b in pairwise(sorted(places))) >= 20
