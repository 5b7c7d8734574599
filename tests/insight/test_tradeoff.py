"""Fronts are what nothing beats, and a figure's labels hide neither one another nor a mark."""

from itertools import combinations

import matplotlib.pyplot as plt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.transforms import Affine2D, Bbox

from d2lcnn import TradeoffPoint, compare_networks, pareto_front, place_labels, plot_tradeoff
from d2lcnn.insight.published import WAYS

COSTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12)


def beats(one, other):
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


@given(COSTS)
def test_whatever_is_left_out_is_beaten_by_something_on_the_front(costs):
    front = pareto_front(costs)
    for i, cost in enumerate(costs):
        assert (i in front) != any(beats(costs[j], cost) for j in front)


def test_front_by_hand():
    assert pareto_front([(30, 1), (25, 2), (27, 3)]) == [0, 1]
    assert pareto_front([(1, 1), (1, 1)]) == [0, 1]
    assert pareto_front([(2, 1), (1, 1)]) == [1]
    assert pareto_front([]) == []
    assert pareto_front([(1, 2, 3), (1, 2, 4), (9, 9, 0)]) == [0, 2]


def test_costs_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="same costs, got \\[1, 2\\]"):
        pareto_front([(1,), (1, 2)])
    with pytest.raises(ValueError, match="NaN"):
        pareto_front([(1, float("nan"))])


def overlaps(figure, labels):
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in labels]
    return [(a, b) for a, b in combinations(range(len(boxes)), 2) if boxes[a].overlaps(boxes[b])]


def test_labels_of_the_papers_networks_do_not_overlap():
    points = [
        TradeoffPoint(row.network, row.multiply_adds, row.parameters, row.error.top1, row.error.tested)
        for row in compare_networks().papers
        if row.error and row.error.top1
    ]
    axes = plot_tradeoff(points, "top-1 error", kinds=WAYS)
    assert [text.get_text() for text in axes.texts] == [point.name for point in points]
    assert overlaps(axes.figure, axes.texts) == []
    inside = axes.get_window_extent()
    for text in axes.texts:
        box = text.get_window_extent()
        assert inside.x0 <= box.x0
        assert box.x1 <= inside.x1
        assert inside.y0 <= box.y0
        assert box.y1 <= inside.y1
    plt.close(axes.figure)


def test_no_label_touches_its_mark_whatever_its_shape():
    points = [TradeoffPoint("a name", 1e8, 1e8, 1, kind) for kind in "abcdef"]
    for point in points:
        axes = plot_tradeoff([point], "value", kinds="abcdef")
        axes.figure.draw_without_rendering()
        (marks,) = axes.collections
        shape = marks.get_paths()[0].get_extents(Affine2D(marks.get_transforms()[0]))
        x, y = axes.transData.transform((1e8, 1))
        mark = Bbox.from_extents(shape.x0 + x, shape.y0 + y, shape.x1 + x, shape.y1 + y)
        assert not mark.overlaps(axes.texts[0].get_window_extent()), point.kind
        plt.close(axes.figure)


def test_labels_find_a_place_in_a_crowd_and_hide_no_mark():
    figure, axes = plt.subplots(figsize=(5, 4))
    places = [(0.5 + 0.02 * i, 0.5 + 0.02 * (i % 3)) for i in range(8)]
    axes.set(xlim=(0, 1), ylim=(0, 1))
    labels = place_labels(axes, places, [3] * 8, [f"label {i}" for i in range(8)])
    assert overlaps(figure, labels) == []
    for label in labels:
        box = label.get_window_extent()
        assert not any(box.contains(*axes.transData.transform(place)) for place in places)
    assert any(line.get_color() == "grey" for line in axes.lines), "the far ones are led to"
    plt.close(figure)


def test_kinds_keep_their_look_whoever_comes():
    one = TradeoffPoint("one", 1e8, 1e6, 30, "1 crop", deviation=2)
    both = [TradeoffPoint("two", 1e9, 1e6, 20, "10 crops"), one]
    looks = []
    for points in (both, [one]):
        axes = plot_tradeoff(points, "error", kinds=WAYS)
        handles = {text.get_text(): line for line, text in _legend(axes)}
        looks.append((handles["1 crop"].get_color(), handles["1 crop"].get_marker()))
        assert len(handles) == len(points)
        plt.close(axes.figure)
    assert looks[0] == looks[1]


def _legend(axes):
    legend = axes.get_legend()
    return zip(legend.legend_handles, legend.get_texts(), strict=True)


def test_areas_go_with_the_parameters():
    points = [TradeoffPoint(str(n), 1e8 * n, 1e7 * n, n, "a") for n in (1, 2, 4)]
    axes = plot_tradeoff(points, "value")
    areas = [float(marks.get_sizes()[0]) for marks in axes.collections]
    assert areas[2] / areas[1] == pytest.approx(2)
    plt.close(axes.figure)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="no point"):
        plot_tradeoff([], "error")
    with pytest.raises(ValueError, match="kinds 10 crops, got b"):
        plot_tradeoff([TradeoffPoint("a", 1, 1, 1, "b")], "error", kinds=["10 crops"])
    _, axes = plt.subplots()
    with pytest.raises(ValueError, match="1 points, 2 radii, 1 labels"):
        place_labels(axes, [(0, 0)], [1, 2], ["a"])
    plt.close("all")
