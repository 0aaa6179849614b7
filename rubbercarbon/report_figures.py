"""Figures of reports as SVG text; matplotlib is loaded inside.

Colours are names (`report_blocks.FIGURE_COLOURS`), so that one drawing serves light and dark;
letters stay letters, drawn by the reader's copy of the report's font. Nothing in a name is read as
mathematics or markup, and the same figures give the same bytes.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rubbercarbon.report_blocks import FIGURE_COLOURS, standing, visible
from rubbercarbon.typeface import typeface

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

WIDTH = 7.2
ROW = 0.27
LONGEST_NAME = 30
SERIES = ("green", "orange", "blue", "purple", "brown", "grey")
STYLES = ("-", "--", "-.", ":")
HATCHES = ("", "//", "..", "xx", "\\\\", "--")
# matplotlib draws with these; they become var(--name) in the text
_PAINT = {name: f"#0{i:x}0{i:x}e{i:x}" for i, name in enumerate(FIGURE_COLOURS, start=1)}


@dataclass(frozen=True)
class Bars:
    """One series of a bar chart; low and high are ends of intervals."""

    label: str
    values: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


@dataclass(frozen=True)
class Line:
    """One line over years with its band."""

    label: str
    years: Sequence[float]
    values: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


def short_name(name: str) -> str:
    """A name that fits beside an axis."""
    text = visible(name)
    places = standing(text)
    return text if len(places) <= LONGEST_NAME else text[: places[LONGEST_NAME - 1]] + "…"


def bars(
    key: str, names: Sequence[str], series: Sequence[Bars], axis: str, *, stacked: bool = False
) -> str:
    """Horizontal bars, one row per name, series beside or on top of one another.

    Parameters
    ----------
    key : str
        Makes the ids of the drawing its own.
    names : sequence of str
    series : sequence of Bars
    axis : str
        Label of the axis of values.
    stacked : bool
        Positive values to the right of zero, negative ones to the left.

    Returns
    -------
    str
        SVG.
    """
    with _drawing(len(names) * ROW + (1.1 if len(series) > 1 else 0.8)) as (figure, axes):
        positions = list(range(len(names)))
        right, left = [0.0] * len(names), [0.0] * len(names)
        for rank, one in enumerate(series):
            style: dict[str, Any] = {"color": _PAINT[SERIES[rank % 6]], "height": 0.62,
                                     "label": short_name(one.label), "linewidth": 0.6,
                                     "edgecolor": _PAINT["paper"],
                                     "hatch": HATCHES[rank % 6]}  # fmt: skip
            start = [right[i] if v >= 0 else left[i] for i, v in enumerate(one.values)]
            axes.barh(positions, one.values, left=start if stacked else None, **style)
            if stacked:
                for i, v in enumerate(one.values):
                    (right if v >= 0 else left)[i] += v
            if one.low is not None and one.high is not None:
                axes.hlines(positions, one.low, one.high, color=_PAINT["ink"], linewidth=1.4)
                for end in (one.low, one.high):
                    axes.plot(end, positions, "|", color=_PAINT["ink"], markersize=6)
        axes.set_yticks(positions, [short_name(name) for name in names])
        axes.invert_yaxis()
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.margins(x=0.03)
        axes.axvline(0.0, color=_PAINT["quiet"], linewidth=0.8)
        axes.set_xlabel(axis)
        axes.grid(visible=True, axis="x")
        axes.tick_params(axis="y", length=0)
        if len(series) > 1:
            figure.legend(loc="outside lower center", ncols=3)
        return _svg(figure, key)


def waterfall(key: str, names: Sequence[str], values: Sequence[float], sums: set[int],
              axis: str) -> str:  # fmt: skip
    """Lines that add up: steps from one sum to the next; `sums` are the rows that are sums."""
    with _drawing(len(names) * (ROW + 0.04) + 0.8) as (figure, axes):
        level = 0.0
        for i, value in enumerate(values):
            start = 0.0 if i in sums else level
            paint = "green" if i in sums else "orange" if value < 0 else "blue"
            axes.barh(i, value, left=start, height=0.62, color=_PAINT[paint])
            level = value if i in sums else level + value
            if i + 1 < len(values):
                axes.plot(
                    [level, level], [i - 0.31, i + 1.31], color=_PAINT["quiet"], linewidth=0.7
                )
        axes.set_yticks(range(len(names)), [short_name(name) for name in names])
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.margins(x=0.03)
        axes.axvline(0.0, color=_PAINT["quiet"], linewidth=0.8)
        axes.set_xlabel(axis)
        axes.grid(visible=True, axis="x")
        axes.tick_params(axis="y", length=0)
        return _svg(figure, key)


def lines(key: str, found: Sequence[Line], across: str, axis: str) -> str:
    """Lines over years with bands."""
    with _drawing(3.6) as (figure, axes):
        for rank, one in enumerate(found):
            paint = _PAINT[SERIES[rank % 6]]
            if one.low is not None and one.high is not None:
                axes.fill_between(
                    one.years, one.low, one.high, color=paint, alpha=0.18, linewidth=0
                )
            axes.plot(
                one.years, one.values, color=paint, linewidth=2.0, linestyle=STYLES[rank % 4],
                label=short_name(one.label),
            )  # fmt: skip
        axes.set_xlabel(across)
        axes.set_ylabel(axis)
        axes.grid(visible=True)
        axes.margins(x=0.01)
        figure.legend(loc="outside lower center", ncols=2)
        return _svg(figure, key)


@contextlib.contextmanager
def _drawing(height: float) -> Iterator[tuple[Drawing, Axes]]:
    from matplotlib.figure import Figure  # noqa: PLC0415  (slow import)

    ink = _PAINT["ink"]
    with typeface(
        font_size=10.5, svg_fonttype="none", text_color=ink, axes_edgecolor=_PAINT["quiet"],
        axes_labelcolor=ink, xtick_color=ink, ytick_color=ink, grid_color=_PAINT["rule"],
        grid_linewidth=0.6, axes_axisbelow=True, legend_frameon=False,
        hatch_color=_PAINT["paper"], hatch_linewidth=0.6, axes_spines_top=False,
        axes_spines_right=False, savefig_transparent=True, figure_dpi=72,
    ):  # fmt: skip
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        yield figure, figure.add_subplot()


def _svg(figure: Drawing, key: str) -> str:
    """The drawing as an SVG element with named colours, ids of its own and no date."""
    import matplotlib as mpl  # noqa: PLC0415

    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": key}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None,
                                                       "Format": None, "Type": None})  # fmt: skip
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<(metadata|style)\b.*?</\1>\s*", "", text, flags=re.DOTALL)
    text = re.sub(
        r'(<svg\b[^>]*?) width="[^"]*"', r'\1 style="stroke-linejoin:round"', text, count=1
    )
    text = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", text, count=1)
    return re.sub(r"<[^>]*>", lambda tag: _named(tag[0], key), text).strip()


def _named(tag: str, key: str) -> str:
    """A tag with ids of its own and named colours; letters between tags are left alone."""
    tag = re.sub(r'\bid="', f'id="{key}-', tag)
    tag = re.sub(r' transform="rotate\(-0 [^"]*"', "", tag)
    tag = re.sub(r'(href="#|url\(#)', rf"\g<1>{key}-", tag)
    for name, paint in _PAINT.items():
        tag = tag.replace(paint, f"var(--{name})")
    return tag
