"""Pictures of results: grouped bars or lines over a few named places, as SVG."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 60, 40
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#17becf", "#7f7f7f")
TICKS = 5


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of some figures.

    Attributes:
        name: of its file.
        title, unit: for people.
        places: names along the bottom.
        series: values at the places by what they are of, "" for what needs no name; None where there is none.
        lines: connect them by lines; else they are bars.
        log: put them on a logarithmic scale.
    """

    name: str
    title: str
    unit: str
    places: Sequence[str]
    series: Mapping[str, Sequence[float | None]]
    lines: bool = False
    log: bool = False


def svg(chart: Chart) -> str:
    """Draw a chart."""
    scale = _Scale(chart)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{escape(chart.title)} ({escape(chart.unit)})</text>',
    ]
    for value in scale.ticks:
        y = scale.y(value)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:,.10g}</text>')
    for number, place in enumerate(chart.places):
        x = scale.x(number)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 16}" text-anchor="middle">{escape(place)}</text>')
    across = LEFT
    for number, (name, values) in enumerate(chart.series.items()):
        colour = COLOURS[number % len(COLOURS)]
        if name:
            parts.append(f'<rect x="{across}" y="32" width="10" height="10" fill="{colour}"/>')
            parts.append(f'<text x="{across + 14}" y="41">{escape(name)}</text>')
            across += 34 + 7 * len(name)
        parts += _line(scale, values, colour) if chart.lines else _bars(scale, number, values, colour)
    return "\n".join([*parts, "</svg>"]) + "\n"


class _Scale:
    """Where on the picture values and places lie."""

    def __init__(self, chart: Chart) -> None:
        self._places = max(len(chart.places), 1)
        self.series = max(len(chart.series), 1)
        values = [value for each in chart.series.values() for value in each if value is not None]
        highest = max([*values, 1e-9])
        self._log = chart.log
        if chart.log:
            low = math.floor(math.log10(min([value for value in values if value > 0], default=1.0)))
            high = max(math.ceil(math.log10(highest)), low + 1)
            self._low, self._high = float(low), float(high)
            self.ticks = [10.0**power for power in range(low, high + 1)]
        else:
            step = _round_step(highest / TICKS)
            self._low, self._high = 0.0, math.ceil(highest / step) * step
            self.ticks = [number * step for number in range(round(self._high / step) + 1)]
        self.width = (WIDTH - LEFT - RIGHT) / self._places

    def x(self, place: int) -> float:
        return LEFT + self.width * (place + 0.5)

    def y(self, value: float) -> float:
        if self._log:
            value = math.log10(value) if value > 0 else self._low
        part = (value - self._low) / (self._high - self._low)
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def _bars(scale: _Scale, number: int, values: Sequence[float | None], colour: str) -> list[str]:
    width = scale.width * 0.8 / scale.series
    drawn = []
    for place, value in enumerate(values):
        if value is None:
            continue
        x = scale.x(place) - scale.width * 0.4 + number * width
        y = scale.y(value)
        drawn.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width * 0.92:.1f}" height="{HEIGHT - BOTTOM - y:.1f}" '
            f'fill="{colour}"><title>{value:,.4g}</title></rect>'
        )
    return drawn


def _line(scale: _Scale, values: Sequence[float | None], colour: str) -> list[str]:
    points = [
        (scale.x(place), scale.y(value), value) for place, value in enumerate(values) if value is not None
    ]
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    return [
        f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"><title>{value:,.4g}</title></circle>'
            for x, y, value in points
        ),
    ]
