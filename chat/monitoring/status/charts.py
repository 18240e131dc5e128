"""Small charts of the last day: the values that the template draws."""

from dataclasses import dataclass, field
from typing import Any

WIDTH, HEIGHT, EDGE = 288, 64, 3
FEW = 3  # points; a line of fewer means nothing


@dataclass(frozen=True)
class ChartLine:
    """One line: its CSS class (``style``), its name, its SVG path and its last value."""

    style: str
    label: str
    path: str
    last: float | None


@dataclass(frozen=True)
class Chart:
    """One chart; ``mark`` is the height of the target line, if there is one."""

    title: str
    unit: str
    lines: list[ChartLine]
    top: float
    mark: float | None = None
    mark_label: str = ""
    values: list[float] = field(default_factory=list)
    known: int = 0  # how many points have a value

    @property
    def is_young(self) -> bool:
        """Whether there are too few points for a line."""
        return self.known < FEW

    @property
    def least(self) -> float | None:
        return min(self.values, default=None)

    @property
    def most(self) -> float | None:
        return max(self.values, default=None)


def draw(
    title: str,
    unit: str,
    points: list[dict[str, Any]],
    lines: list[tuple[str, str, str]],
    top: float | None = None,
    mark: float | None = None,
    mark_label: str = "",
    whole: bool = False,
) -> Chart:
    """A chart of these points; each line is (key, style, label). ``whole``: whole numbers only."""
    values = [v for key, _style, _label in lines for p in points if (v := p[key]) is not None]
    highest = top or max(nice(max(values, default=1)), 1 if whole else 0)
    known = sum(any(p[key] is not None for key, _style, _label in lines) for p in points)
    drawn = [
        ChartLine(style, label, path([p[key] for p in points], highest), _last(points, key))
        for key, style, label in lines
    ]
    place = None if mark is None else round(height(mark, highest), 1)
    return Chart(title, unit, drawn, highest, place, mark_label, values, known)


def path(values: list[float | None], top: float) -> str:
    """An SVG path. Missing values are gaps; a single value is a dot."""
    step = WIDTH / max(1, len(values) - 1)
    parts, pen_down = [], False
    for number, value in enumerate(values):
        if value is None:
            pen_down = False
            continue
        x, y = round(number * step, 1), round(height(value, top), 1)
        parts.append(f"L{x} {y}" if pen_down else f"M{x} {y}h0.1")
        pen_down = True
    return "".join(parts)


def height(value: float, top: float) -> float:
    """The y coordinate of a value."""
    share = min(1.0, max(0.0, value / top)) if top else 0.0
    return HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE)


def nice(value: float) -> float:
    """The next round number: 1, 2 or 5 with zeros."""
    size = 1.0
    while size < value:
        size *= 10
    for part in (0.1, 0.2, 0.5):
        if value <= size * part:
            return size * part
    return size


def _last(points: list[dict[str, Any]], key: str) -> float | None:
    return next((p[key] for p in reversed(points) if p[key] is not None), None)
