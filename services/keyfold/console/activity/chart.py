"""Charts of activity as SVG, drawn by pygal, without anything that a page's policy forbids."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from xml.etree import ElementTree

import pygal
from markupsafe import Markup
from pygal.style import Style

from keyfold.console.activity.sums import Series

_WIDTH: Final = 920
_HEIGHT: Final = 240
_LABELS_MAX: Final = 8
_UNSEEN: Final = (
    "class",
    "id",
    "x",
    "y",
    "width",
    "height",
    "d",
    "viewBox",
    "transform",
    "rx",
    "ry",
    "points",
)
_CHROME: Final = ("defs", "title", "desc", "foreignObject")
_SERIES: Final = re.compile(r"\bserie-(\d+)")
_STYLE: Final = Style(background="transparent", plot_background="transparent", font_family="inherit")


@lru_cache(maxsize=64)
def draw_chart(labels: Sequence[str], series: Sequence[Series], label: str) -> Markup:
    """Return a bar chart of counts as SVG; each series has its name as a class, for the style sheet."""
    chart = pygal.StackedBar(
        css=(), js=(), style=_STYLE, width=_WIDTH, height=_HEIGHT, no_prefix=True, show_legend=False,
        print_values=False, margin=4, spacing=2, order_min=0, min_scale=2, max_scale=5, rounded_bars=0,
        x_labels_major_every=-(-len(labels) // _LABELS_MAX), show_minor_x_labels=False, truncate_label=-1,
        include_x_axis=True, value_formatter=lambda value: f"{value:,.0f}", disable_xml_declaration=True,
    )  # fmt: skip
    chart.x_labels = list(labels)
    for each in series:
        chart.add(each.said, list(each.counts))
    return _clean(chart.render_tree(), label, [each.name for each in series])


def _clean(tree: ElementTree.Element, label: str, names: Sequence[str]) -> Markup:
    for parent in list(tree.iter()):
        if number := _SERIES.search(parent.get("class", "")):
            parent.set("class", names[int(number[1])])
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] in _CHROME:
                parent.remove(child)
        for name in [each for each in parent.attrib if each not in _UNSEEN]:
            del parent.attrib[name]
    tree.set("role", "img")
    tree.set("aria-label", label)
    tree.set("focusable", "false")
    tree.set("xmlns", "http://www.w3.org/2000/svg")
    # It holds only pygal's own text and numbers: people's names of things are in the table beside it.
    return Markup(ElementTree.tostring(tree, encoding="unicode"))  # noqa: S704
