"""Curves as SVG, written by hand: no library, readable in light and dark, by a screen reader too.

The x axis is logarithmic (each figure is several times the one before), the y axis begins at 0.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 232, 48, 56  # room for the axes, and for the names of the lines
LABEL_APART = 30
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 16px; font-weight: 600 }
.rule { stroke: #d0d7de } .axis { stroke: #57606a }
path { fill: none; stroke-width: 2.5 }
.l0 { stroke: #0969da } .l1 { stroke: #bc4c00 } .l2 { stroke: #8250df } .l3 { stroke: #57606a }
circle { fill: #fff; stroke-width: 2 }
.back { fill: #fff }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .back { fill: #0d1117 } circle { fill: #0d1117 }
.rule { stroke: #30363d } .axis { stroke: #8b949e }
.l0 { stroke: #58a6ff } .l1 { stroke: #f0883e } .l2 { stroke: #bc8cff } .l3 { stroke: #8b949e }
}
"""
DASHES = ("", "9 4", "3 4", "1 5")  # who sees no colours tells the lines apart by these

Points = Sequence[tuple[int, float]]


def draw(path: Path, title: str, x_name: str, y_name: str, lines: Mapping[str, Points]) -> None:
    """Write the picture; the figures stand in its description as well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plot = _Plot([point for points in lines.values() for point in points])
    words = " ".join(_in_words(name, points) for name, points in lines.items())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="title what">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="what">{escape(f"{y_name} by {x_name}. {words}")}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
        _text(LEFT, 26, title, kind="title"),
        *plot.axes(x_name, y_name),
        *(part for n, points in enumerate(lines.values()) for part in plot.line(n, points)),
        *plot.names(lines),
        "</svg>",
    ]
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _in_words(name: str, points: Points) -> str:
    return f"{name}: " + ", ".join(f"{y:.3g} at {x:,}" for x, y in points) + "."


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    mark = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{mark}>{escape(words)}</text>'


class _Plot:
    """Where a point lies."""

    def __init__(self, points: Points) -> None:
        self._xs = sorted({x for x, _ in points})
        self._top, self._step = _ceiling(max(y for _, y in points))

    def x(self, value: int) -> float:
        low, high = math.log(self._xs[0]), math.log(self._xs[-1])
        return LEFT + (math.log(value) - low) / ((high - low) or 1) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - value / self._top * (HEIGHT - TOP - BOTTOM)

    def axes(self, x_name: str, y_name: str) -> list[str]:
        floor, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        parts = []
        for n in range(round(self._top / self._step) + 1):
            y = self.y(n * self._step)
            kind = "axis" if n == 0 else "rule"
            parts.append(
                f'<line class="{kind}" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            )
            parts.append(_text(LEFT - 8, y + 4, f"{n * self._step:g}", anchor="end"))
        for value in self._xs:
            parts.append(_text(self.x(value), floor + 20, f"{value:,}", anchor="middle"))
        parts.append(_text((LEFT + right) / 2, HEIGHT - 12, x_name, anchor="middle"))
        middle = (TOP + floor) / 2
        turned = f'<g transform="rotate(-90 18 {middle:.0f})">'
        return [*parts, turned + _text(18, middle, y_name, anchor="middle") + "</g>"]

    def line(self, number: int, points: Points) -> list[str]:
        way = " L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)
        dash = f' stroke-dasharray="{DASHES[number]}"' if DASHES[number] else ""
        dots = [
            f'<circle class="l{number}" cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="4"/>'
            for x, y in points
        ]
        return [f'<path class="l{number}" d="M{way}"{dash}/>', *dots]

    def names(self, lines: Mapping[str, Points]) -> list[str]:
        """Each line's name at its end, the higher line's name above, none over another."""
        order = sorted(range(len(lines)), key=lambda n: -list(lines.values())[n][-1][1])
        parts, free = [], float(TOP)
        for number in order:
            name, points = list(lines.items())[number]
            end = self.y(points[-1][1])
            at = max(free, min(end, HEIGHT - BOTTOM - LABEL_APART * (len(lines) - 1)))
            free = at + LABEL_APART
            parts += self._name(number, name, points[-1], at)
        return parts

    def _name(self, number: int, name: str, last: tuple[int, float], at: float) -> list[str]:
        x = WIDTH - RIGHT + 34
        end = f"{self.x(last[0]) + 6:.1f} {self.y(last[1]):.1f}"
        lead = f'<path class="l{number}" style="stroke-width:1" d="M{end} L{x - 4} {at:.1f}"/>'
        return [lead, _text(x, at + 4, f"{name} ({last[1]:.3g})")]


def _ceiling(most: float) -> tuple[float, float]:
    """(a round figure above the highest, the distance of the rules below it)."""
    rough = (most or 1) / 4
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * n for n in (1, 2, 2.5, 5, 10) if size * n >= rough)
    return step * math.ceil((most or 1) / step), step
