"""The milestones stand in order, name sources of the book, and are drawn without overlap."""

import re
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from d2lcnn import MILESTONES, Milestone, first_year, plot_timeline
from d2lcnn.insight.comparison import COMPARED

REFERENCES = (Path(__file__).parents[2] / "book/references.bib").read_text(encoding="utf-8")


def entry(key):
    (found,) = re.findall(rf"^@\w+\{{{key},\n(.*?)^\}}", REFERENCES, re.MULTILINE | re.DOTALL)
    return found


@pytest.mark.parametrize("milestone", MILESTONES, ids=lambda milestone: milestone.name)
def test_dates_fit_the_references(milestone):
    fields = entry(milestone.source)
    year = int(re.search(r"\byear\s*=\s*\{(\d{4})\}", fields)[1])
    assert milestone.year in (year, year - 1)
    assert 1 <= milestone.month <= 12
    if preprint := re.search(r"eprint\s*=\s*\{(\d\d)(\d\d)\.\d+\}", fields):
        assert (milestone.year, milestone.month) == (2000 + int(preprint[1]), int(preprint[2]))


def test_every_compared_network_has_a_year():
    years = [first_year(network) for network in COMPARED]
    assert years == sorted(years)
    assert (years[0], years[-1]) == (1998, 2019)
    with pytest.raises(ValueError, match="begins 'EfficientNet'. The networks are: zip-code network"):
        first_year("EfficientNet")


def test_labels_stay_on_the_page_and_apart():
    figure = plot_timeline()
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == len(MILESTONES)
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    page = figure.bbox
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 for box in boxes)
    plt.close(figure)


def test_milestones_out_of_order_are_refused():
    late = Milestone("later", 2020, 1, "an idea", "none")
    with pytest.raises(ValueError, match="order of time"):
        plot_timeline([late, *MILESTONES])
    with pytest.raises(ValueError, match="at least one"):
        plot_timeline([])
