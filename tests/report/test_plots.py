"""Plots: well-formed SVG that says its figures in words and draws them in the right places."""

import pytest
from lxml import etree

from adtune.report import bars, intervals, lines
from adtune.report.axis import Axis, tick_text


def svg(text: str):
    return etree.fromstring(text)


def test_bars_are_as_long_as_their_values():
    drawn = svg(bars([("a", 10.0), ("b", 5.0), ("c", None)], unit="pieces"))
    widths = [float(r.get("width")) for r in drawn.findall("rect")]
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.01) and len(widths) == 2
    assert "c: not measured" in drawn.findtext("desc") and "a: 10.0 pieces" in drawn.findtext("desc")


def test_negative_bars_lie_left_of_zero():
    first, second = svg(bars([("loss", -2.0), ("gain", 2.0)])).findall("rect")
    assert float(first.get("x")) + float(first.get("width")) == pytest.approx(float(second.get("x")), abs=0.2)


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [-1.0], [1e-9, 1e9], [5]])
def test_bars_take_any_values(values):
    assert len(svg(bars([(str(v), v) for v in values])).findall("rect")) == len(values)


def test_intervals_draw_dot_inside_whisker_and_say_direction():
    drawn = svg(intervals([("base", 3.0, 2.8, 3.3), ("tuned", 2.5, None, None), ("x", None, None, None)], "nats"))
    first, second = drawn.findall("circle")
    assert float(second.get("cx")) < float(first.get("cx"))
    assert len(drawn.xpath("./path[starts-with(@class, 's')]")) == 1
    assert "Lower is better" in drawn.findtext("desc") and "3.00 (2.80 to 3.30) nats" in drawn.findtext("desc")
    assert "Higher is better" in intervals([("a", 1.0, 0.5, 2.0)], lower_is_better=False)


def test_lines_mark_the_peak_where_it_lies():
    points = [(0, 4.0), (10, 3.0), (20, 3.5)]
    series = [("validation", points), ("training", [(0, 4.0), (20, 2.0)])]
    drawn = svg(lines(series, "step", "loss", mark=(10, 3.0, "peak"), band=(3.0, 3.1)))
    ring = drawn.find("circle[@class='ring']")
    dots = drawn.findall("circle[@class='f0']")
    assert (ring.get("cx"), ring.get("cy")) == (dots[1].get("cx"), dots[1].get("cy"))
    assert "peak at step 10.0, loss 3.00" in drawn.findtext("desc")
    assert drawn.find("rect[@class='band']") is not None


def test_lines_differ_by_more_than_colour():
    drawn = svg(lines([("a", [(0, 1), (1, 2)]), ("b", [(0, 2), (1, 1)])], "x", "y"))
    dashes = [drawn.find(f"path[@class='s{i}'][@stroke-linejoin]").get("stroke-dasharray") for i in (0, 1)]
    assert dashes == [None, "7 4"]


def test_nothing_measured_draws_nothing():
    for empty in (bars([("a", None)]), intervals([("a", None, None, None)]), lines([("a", [(0, None)])], "x", "y"), bars([])):
        assert "Not measured" in empty and "<svg" not in empty


def test_single_point_and_flat_lines_are_drawn():
    assert svg(lines([("a", [(0, 1.0)])], "x", "y")).find("circle") is not None
    assert svg(lines([("a", [(0, 1.0), (5, 1.0)])], "x", "y")).find("circle") is not None


def test_ticks_are_round_and_inside():
    axis = Axis(2.83, 3.71, 0, 100)
    assert axis.ticks() == pytest.approx([3.0, 3.2, 3.4, 3.6])
    assert [tick_text(t, axis.ticks()) for t in axis.ticks()] == ["3.0", "3.2", "3.4", "3.6"]
    assert [tick_text(t, Axis(0, 100, 0, 1).ticks(4)) for t in Axis(0, 100, 0, 1).ticks(4)] == ["0", "25", "50", "75", "100"]


def test_ids_differ_between_plots():
    one, two = svg(bars([("a", 1.0)])), svg(bars([("a", 2.0)]))
    assert one.find("title").get("id") != two.find("title").get("id")
