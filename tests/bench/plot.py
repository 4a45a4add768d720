# SPDX-License-Identifier: MIT
"""plot - the figures as an SVG picture

    text = plot.draw(result, figures)

On the left the rate of each row, a dot for each number of connections with
a line from the lowest to the highest round; the scale is logarithmic. On the
right the CPU time of a message, responder and nginx in one bar.
"""

import math
from xml.sax.saxutils import escape

from front import ROWS

LEFT, WIDTH, GAP, BARS = 190, 470, 60, 330
TOP, STEP, BOTTOM = 70, 46, 60
COLORS = ("#9ecae1", "#4292c6", "#2171b5", "#08306b")
RESPONDER, WEB = "#d95f0e", "#bdbdbd"


def text(x, y, words, anchor="start", size=13, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'font-size="{size}" font-weight="{weight}">'
            f'{escape(words)}</text>')


def rule(x1, y1, x2, y2, color="#ddd", width=1):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" '
            f'y2="{y2:.1f}" stroke="{color}" stroke-width="{width}"/>')


def box(x, y, width, height, color):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" fill="{color}"/>')


def short(value):
    for size, letter in ((1000000, "M"), (1000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


class Scale:
    """Rates to places, by their logarithm"""

    def __init__(self, lowest, highest):
        series = [digit * 10 ** power for power in range(8)
                  for digit in (1, 2, 5)]
        first = max(tick for tick in series if tick <= max(lowest, 1))
        last = min(tick for tick in series if tick > highest)
        self.ticks = [tick for tick in series if first <= tick <= last]

    def __call__(self, rate):
        low, high = self.ticks[0], self.ticks[-1]
        return LEFT + WIDTH * math.log(rate / low) / math.log(high / low)


def rates(words, columns, figures, bottom):
    runs = [rate for word in words for column in columns
            for rate in figures.all(("main", word, column))]
    scale = Scale(min(runs), max(runs))
    parts = [text(LEFT, 25, "messages a second, by number of connections",
                  weight="bold")]
    for tick in scale.ticks:
        x = scale(tick)
        parts += [rule(x, TOP - 10, x, bottom),
                  text(x, bottom + 18, short(tick), "middle", 11)]
    for number, column in enumerate(columns):
        x = LEFT + number * 80
        parts += [f'<circle cx="{x + 6}" cy="42" r="5" '
                  f'fill="{COLORS[number]}"/>', text(x + 16, 46, str(column))]
    for place, word in enumerate(words):
        middle = TOP + place * STEP + STEP / 2
        for number, column in enumerate(columns):
            key = ("main", word, column)
            y = middle + (number - (len(columns) - 1) / 2) * 8
            parts += [rule(scale(min(figures.all(key))), y,
                           scale(max(figures.all(key))), y, COLORS[number],
                           2),
                      f'<circle cx="{scale(figures.median(key)):.1f}" '
                      f'cy="{y:.1f}" r="4" fill="{COLORS[number]}"/>']
    return parts


def costs(words, column, figures, bottom):
    """Bars that are longer than the rest by far are cut off."""
    left = LEFT + WIDTH + GAP
    totals = {word: [figures.median(("main", word, column), name)
                     for name in ("cpu", "web")] for word in words}
    ordered = sorted(sum(pair) for pair in totals.values())
    longest = ordered[-1] if ordered[-1] < 3 * ordered[-2] else ordered[-2]
    parts = [text(left, 25, f"CPU us a message, {column} connections",
                  weight="bold"),
             box(left, 37, 10, 10, RESPONDER),
             text(left + 16, 46, "responder"),
             box(left + 110, 37, 10, 10, WEB), text(left + 126, 46, "nginx"),
             rule(left, TOP - 10, left, bottom, "#888")]
    for place, word in enumerate(words):
        middle = TOP + place * STEP + STEP / 2
        scale = (BARS - 60) / max(longest, sum(totals[word]))
        cpu, web = (value * scale for value in totals[word])
        parts += [box(left, middle - 9, cpu, 18, RESPONDER),
                  box(left + cpu, middle - 9, web, 18, WEB)]
        if sum(totals[word]) > longest:
            parts.append(text(left + cpu - 24, middle + 6, "//", size=18))
        parts.append(text(left + cpu + web + 6, middle + 4,
                          f"{sum(totals[word]):,.0f}", size=11))
    return parts


def draw(result, figures):
    columns = figures.columns("main")
    words = result["plan"]["rows"]
    bottom = TOP + STEP * len(words)
    width, height = LEFT + WIDTH + GAP + BARS, bottom + BOTTOM
    parts = [
        "<!-- SPDX-License-Identifier: MIT -->",
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" fill="#222">',
        box(0, 0, width, height, "#fff")]
    for place, word in enumerate(words):
        y = TOP + place * STEP
        parts += [rule(0, y, width, y, "#eee"),
                  text(LEFT - 14, y + STEP / 2 + 4,
                       ROWS[word].name.replace("`", ""), "end",
                       weight="bold" if word == "hookdir" else "normal")]
    parts += rates(words, columns, figures, bottom)
    parts += costs(words, 64, figures, bottom)
    return "\n".join([*parts, "</svg>", ""])
