# SPDX-License-Identifier: Apache-2.0
"""A picture of a run: for each case a bar of each runtime, as long as its median, with a whisker to the 95th percentile."""

from xml.sax.saxutils import escape

from bench.results import BEFORE, CRUN, FLOOR, HELLO, KM, KMSIM, PLAIN, RUNC, YOUKI

COLOURS = {PLAIN: "#1f5fa8", BEFORE: "#9fb4c8", KM: "#6fa3d8", CRUN: "#d98324", RUNC: "#8a8a8a",
           YOUKI: "#b07cc6", FLOOR: "#3c8d40", HELLO: "#3c8d40", KMSIM: "#3c8d40"}
OTHER_COLOUR = "#8a8a8a"
TEXT, LINES = "#1a1a1a", "#cccccc"
WIDTH, NAMES, BARS = 920, 225, 480     # the whole, the names on the left, the longest bar
BAR, GAP, HEAD = 14, 14, 74
FONT = "font-family=\"sans-serif\" fill=\"" + TEXT + "\""


def text(x, y, words, size=12, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" {FONT} {more}>{escape(words)}</text>'


def line(x1, y1, x2, y2, colour=TEXT):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def bar(results, case, who, y, scale):
    """Yields the elements of one bar, whose whisker begins at the median."""
    median, high = results.median(case, who), results.high(case, who)
    end, middle = NAMES + median * scale, y + BAR / 2
    words = f"{median / 1e6:.2f} ms"
    if (ratio := results.ratio(case, who, CRUN)) and who != CRUN:
        words += f", {ratio:.2f} of crun"
    yield text(NAMES - 8, y + BAR - 3, who, 11, 'text-anchor="end"')
    yield (f'<rect x="{NAMES}" y="{y:.1f}" width="{median * scale:.1f}" height="{BAR - 2}" fill="{COLOURS.get(who, OTHER_COLOUR)}"/>')
    yield line(end, middle - 1, NAMES + high * scale, middle - 1)
    yield line(NAMES + high * scale, middle - 5, NAMES + high * scale, middle + 3)
    yield text(NAMES + high * scale + 8, y + BAR - 3, words, 11)


def panel(results, case, y):
    """Returns (the elements of a case, the height that they take). Each case has a scale of its own, from 0."""
    runtimes = results.runtimes(case)
    scale = BARS / max(results.high(case, who) for who in runtimes)
    parts = [text(8, y + BAR - 2, case, 13, 'font-weight="bold"'), line(NAMES, y - 2, NAMES, y + BAR * len(runtimes))]
    for number, who in enumerate(runtimes):
        parts += bar(results, case, who, y + number * BAR, scale)
    return parts, BAR * len(runtimes) + GAP


def title(results):
    machine = results.facts.get("machine", {})
    yield text(8, 24, "krun and other container runtimes", 17, 'font-weight="bold"')
    yield text(8, 43, f"{machine.get('processor')}, {machine.get('cores')} cores, Linux {machine.get('kernel')}; "
                      f"commit {results.facts.get('commit')}, {results.facts.get('date')}")
    yield text(8, 60, f"bars: median, whiskers: 95th percentile; {results.facts.get('rounds')} rounds of the usual cases; "
                      + ("page cache of the runtimes dropped before each sample" if results.facts.get("cold") else "warm")
                      + "; each case has its own scale, from 0")


def svg(results):
    """Returns the picture as the text of an SVG file."""
    parts, y = list(title(results)), HEAD
    for case in results.cases:
        elements, height = panel(results, case, y)
        parts += [*elements, line(8, y + height - GAP / 2 - 2, WIDTH - 8, y + height - GAP / 2 - 2, LINES)]
        y += height
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}">',
                      f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>', *parts, "</svg>\n"])
