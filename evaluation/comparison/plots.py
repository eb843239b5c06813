"""The page's plots, as Vega-Lite specifications without their data: the page gives them rows and a theme.

Names of arms and stories enter as values of data and of scales only, never as an expression.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt

ROWS = "rows"
DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 2], [1, 3], [10, 4], [3, 1, 1, 1]]
"""Lines differ by dash and mark as well as by colour."""
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left"]
ROW_PX, HEIGHT_PX = 34, 300


def specifications(arms: Sequence[str], stories: Sequence[str]) -> dict[str, dict[str, Any]]:
    """All plots by name, checked against Vega-Lite's schema. arms, stories: all there are, in order."""
    charts = {
        "ranking": _ranking(arms),
        "difference": _difference(arms),
        "spread": _spread(arms, stories),
        "stories": _stories(arms, stories),
        "levels": _levels(arms),
    }
    return {name: chart.to_dict() for name, chart in charts.items()}


@cache
def scripts() -> str:
    """The program that draws them: Vega, Vega-Lite and Vega-Embed, as altair's own converter carries them."""
    import vl_convert

    bundle = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")  # would end the script element


def _ranking(arms: Sequence[str]) -> alt.LayerChart:
    """Means with their intervals, the best arm on top."""
    base = alt.Chart(alt.NamedData(ROWS)).encode(y=_rows(), tooltip=_told("mean", "low", "high", "stories"))
    line = base.mark_rule(strokeWidth=3, opacity=0.55).encode(
        x=_value("low"), x2="high:Q", color=_colour(arms, legend=False)
    )
    dot = base.mark_point(size=110, filled=True, opacity=1).encode(
        x=alt.X("mean:Q"), color=_colour(arms, legend=False), shape=_shape(arms, legend=False)
    )
    return _framed(alt.layer(line, dot), len(arms) * ROW_PX)


def _difference(arms: Sequence[str]) -> alt.LayerChart:
    """Paired differences against the baseline with their intervals; the line is no difference."""
    zero = alt.Chart(alt.NamedData(ROWS)).mark_rule(strokeDash=[4, 3], opacity=0.5).encode(x=alt.datum(0))
    base = alt.Chart(alt.NamedData(ROWS)).encode(
        y=_rows(), tooltip=_told("difference", "difference_low", "difference_high", "pairs")
    )
    line = base.mark_rule(strokeWidth=3, opacity=0.55).encode(
        x=_value("difference_low"), x2="difference_high:Q", color=_colour(arms, legend=False)
    )
    dot = base.mark_point(size=110, filled=True, opacity=1).encode(
        x=alt.X("difference:Q"), color=_colour(arms, legend=False), shape=_shape(arms, legend=False)
    )
    return _framed(alt.layer(zero, line, dot), len(arms) * ROW_PX)


def _spread(arms: Sequence[str], stories: Sequence[str]) -> alt.LayerChart:
    """Every run as a mark, in the lane of its arm and, inside it, of its story; a bar at the median."""
    base = alt.Chart(alt.NamedData(ROWS))
    lanes = alt.YOffset("story:N", sort=list(stories), scale=alt.Scale(domain=list(stories)))
    middle = base.mark_tick(thickness=3, size=ROW_PX, opacity=0.8).encode(
        x=alt.X("median(value):Q"), y=_arms(arms), tooltip=["arm:N", alt.Tooltip("median(value):Q", format=".5~g")]
    )
    runs = base.mark_point(size=42, filled=True, opacity=0.75).encode(
        x=_value("value"),
        y=_arms(arms),
        yOffset=lanes,
        color=_colour(arms, legend=False),
        shape=_shape(arms, legend=False),
        tooltip=["arm:N", "story:N", "seed:N", alt.Tooltip("value:Q", format=".5~g")],
    )
    return _framed(alt.layer(middle, runs), len(arms) * (ROW_PX + 10))


def _stories(arms: Sequence[str], stories: Sequence[str]) -> alt.LayerChart:
    """Means over seeds in each story, with the range of its seeds."""
    base = alt.Chart(alt.NamedData(ROWS)).encode(
        x=alt.X("story:N", title=None, sort=list(stories), axis=alt.Axis(labelAngle=-25, labelLimit=150)),
        xOffset=alt.XOffset("arm:N", sort=list(arms), scale=alt.Scale(domain=list(arms), paddingOuter=0.6)),
        tooltip=["story:N", *_told("mean", "low", "high", "runs")],
    )
    line = base.mark_rule(strokeWidth=2, opacity=0.5).encode(
        y=alt.Y("low:Q", title=None, scale=alt.Scale(zero=False)), y2="high:Q", color=_colour(arms)
    )
    dot = base.mark_point(size=70, filled=True, opacity=1).encode(
        y=alt.Y("mean:Q"), color=_colour(arms), shape=_shape(arms)
    )
    return _framed(alt.layer(line, dot), HEIGHT_PX).properties(padding={"left": 40, "right": 5, "top": 5, "bottom": 5})


def _levels(arms: Sequence[str]) -> alt.LayerChart:
    """Means over runs at each level, a line for each arm."""
    base = alt.Chart(alt.NamedData(ROWS)).encode(
        x=alt.X("level:O", title="level, 0 is the widest", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("mean:Q", title=None, scale=alt.Scale(zero=False)),
        color=_colour(arms),
        tooltip=["level:O", *_told("mean", "low", "high", "runs")],
    )
    lines = base.mark_line(strokeWidth=2.2).encode(
        strokeDash=alt.StrokeDash("arm:N", scale=_scale(arms, DASHES), legend=_legend())
    )
    return _framed(
        alt.layer(lines, base.mark_point(size=60, filled=True, opacity=1).encode(shape=_shape(arms))), HEIGHT_PX
    )


def _framed(chart: alt.LayerChart, height: int) -> alt.LayerChart:
    return chart.properties(
        width="container", height=height, autosize=alt.AutoSizeParams(type="fit-x", contains="padding")
    )


def _rows() -> alt.Y:
    """Arms from the top in the order of the table."""
    return alt.Y("arm:N", title=None, sort=alt.SortField("place"))


def _arms(arms: Sequence[str]) -> alt.Y:
    return alt.Y("arm:N", title=None, sort=list(arms), scale=alt.Scale(domain=list(arms)))


def _value(field: str) -> alt.X:
    return alt.X(f"{field}:Q", title=None, scale=alt.Scale(zero=False, padding=14))


def _told(*fields: str) -> list[Any]:
    return ["arm:N", *(alt.Tooltip(f"{field}:Q", format=".5~g") for field in fields)]


def _scale(arms: Sequence[str], values: Sequence[Any] | None = None) -> alt.Scale:
    if values is None:
        return alt.Scale(domain=list(arms))  # the page's own colours, which follow its theme
    return alt.Scale(domain=list(arms), range=[values[i % len(values)] for i in range(len(arms))])


def _colour(arms: Sequence[str], *, legend: bool = True) -> alt.Color:
    return alt.Color("arm:N", scale=_scale(arms), legend=_legend() if legend else None)


def _shape(arms: Sequence[str], *, legend: bool = True) -> alt.Shape:
    return alt.Shape("arm:N", scale=_scale(arms, SHAPES), legend=_legend() if legend else None)


def _legend() -> alt.Legend:
    return alt.Legend(title=None, orient="bottom", columns=2, labelLimit=260)
