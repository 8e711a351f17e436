"""Looks at a quality report as a browser and a reader would, with nothing but the standard library.

check_report.py page FILE.html               markup, references, accessibility, contrast
check_report.py pictures LIGHT DARK PHONE    screenshots (PNG): something is drawn, in the colours it should be

Prints what is wrong; the exit code says whether anything is.
"""

import html.parser
import re
import struct
import sys
import xml.etree.ElementTree
import zlib

VOID = {"meta", "input", "br", "wbr", "link", "img", "hr"}
XHTML = "{http://www.w3.org/1999/xhtml}"


class Nesting(html.parser.HTMLParser):
    """Elements are closed in the order in which HTML needs it; collects them."""

    def __init__(self):
        super().__init__()
        self.open, self.problems, self.elements = [], [], []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if len({name for name, _ in attributes}) != len(attributes):
            self.problems.append(f"<{tag}> has an attribute twice")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID and not ({"svg", "g", "defs"} & set(self.open)):
            self.problems.append(f"<{tag}/> outside SVG is not closed in HTML")

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()


def luminance(colour):
    digits = colour.lstrip("#")
    digits = "".join(2 * d for d in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    """Of the Web Content Accessibility Guidelines: 1 to 21."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def contrast_problems(style):
    themes = re.findall(r":root\{([^}]*)\}", style)
    if len(themes) != 2:
        yield f"{len(themes)} themes instead of light and dark"
    for theme in themes:
        colours = dict(re.findall(r"--([\w-]+):(#\w+)", theme))
        text = [("ink", "card"), ("ink", "page"), ("soft", "card"), ("soft", "page"), ("accent", "card")]
        text += [("accent", "page"), ("ink", "warn-back")]
        marks = [(f"c{i}", "card") for i in range(8)]
        for pairs, least in ((text, 4.5), (marks, 3)):
            for a, b in pairs:
                if contrast(colours[a], colours[b]) < least:
                    yield f"--{a} {colours[a]} on --{b} {colours[b]}: {contrast(colours[a], colours[b]):.2f} < {least}"


def page_problems(text):
    root = xml.etree.ElementTree.fromstring(text.encode())  # raises for what is not well-formed
    nesting = Nesting()
    nesting.feed(text)
    nesting.close()
    yield from nesting.problems
    yield from (f"<{tag}> is not closed" for tag in nesting.open)

    ids = [attributes["id"] for _, attributes in nesting.elements if "id" in attributes]
    yield from (f"id {name} is there twice" for name in {n for n in ids if ids.count(n) > 1})
    headings = [int(tag[1]) for tag, _ in nesting.elements if re.fullmatch("h[1-6]", tag)]
    if headings[:1] != [1] or headings.count(1) != 1:
        yield f"headings {headings} do not begin with the only h1"
    yield from (f"h{b} follows h{a}" for a, b in zip(headings, headings[1:]) if b > a + 1)
    for tag, attributes in nesting.elements:
        if tag in {"script", "link", "img", "iframe", "object", "embed", "form", "base"}:
            yield f"<{tag}> has no place here"
        yield from (f"<{tag} {name}>" for name in attributes if name.startswith("on") or name == "src")
        if not attributes.get("href", "#").startswith("#"):
            yield f"reference to {attributes['href']}"
        for name in (attributes.get("href", "")[1:], attributes.get("aria-labelledby")):
            if name and name not in ids:
                yield f"reference to {name}, which is not there"
        if tag == "svg" and attributes.get("aria-hidden") != "true":
            if attributes.get("role") != "img" or not attributes.get("aria-label"):
                yield f"svg without a role and a label: {attributes}"
        if tag == "th" and attributes.get("scope") not in {"row", "col"}:
            yield "th without a scope"
        if tag == "html" and not attributes.get("lang"):
            yield "no language"
    for number in re.findall(r'(?:x|y|x1|x2|y1|y2|width|height|points)="([^"]*)"', text):
        if re.search(r"nan|inf|e[+-]?\d", number):
            yield f"coordinate {number}"
    style = root.find(f".//{XHTML}style").text
    if re.search(r"url\(|@import|expression", style):
        yield "the style sheet loads something"
    yield from contrast_problems(style)


def read_png(path):
    """Rows of bytes and bytes per pixel."""
    data = open(path, "rb").read()
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, _, colour = struct.unpack(">IIBB", body[:10])
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    pixel = {2: 3, 6: 4}[colour]
    stride = width * pixel
    raw, rows, above = zlib.decompress(packed), [], bytes(stride)
    for y in range(height):
        kind = raw[y * (stride + 1)]
        row = bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for x in range(stride if kind else 0):
            left = row[x - pixel] if x >= pixel else 0
            corner = above[x - pixel] if x >= pixel else 0
            if kind == 4:
                guess = left + above[x] - corner
                distances = [(abs(guess - value), value) for value in (left, above[x], corner)]
                add = min(distances, key=lambda d: d[0])[1]
            else:
                add = {1: left, 2: above[x], 3: (left + above[x]) // 2}[kind]
            row[x] = (row[x] + add) & 255
        above = bytes(row)
        rows.append(above)
    return rows, pixel


def picture_problems(light, dark, phone):
    for path, is_dark in ((light, False), (dark, True), (phone, False)):
        rows, pixel = read_png(path)
        pixels = [row[i : i + 3] for row in rows[::3] for i in range(0, len(row) - pixel, 2 * pixel)]
        brightness = sum(sum(p) for p in pixels) / 3 / len(pixels)
        if is_dark != (brightness < 70) or is_dark == (brightness > 190):
            yield f"{path}: its brightness is {brightness:.0f} of 255"
        colourful = sum(max(p) - min(p) > 60 for p in pixels) / len(pixels)
        if not 0.005 < colourful < 0.5:
            yield f"{path}: {100 * colourful:.2f} % of it has a colour"
        lines = sum(len(set(row[i : i + pixel] for i in range(0, len(row), pixel))) > 3 for row in rows) / len(rows)
        if lines < 0.3:
            yield f"{path}: {100 * (1 - lines):.0f} % of its lines are empty"


def main(mode, *paths):
    if mode == "page":
        problems = list(page_problems(open(paths[0], encoding="utf-8").read()))
    else:
        problems = list(picture_problems(*paths))
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
