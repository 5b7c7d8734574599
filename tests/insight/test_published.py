"""Published errors and accuracies: each belongs to a network that there is, and they fit one another."""

import re
from pathlib import Path

import nbformat
import pytest

from d2lcnn import D2L_ACCURACIES, IMAGENET_ERRORS, LEDGER, RECIPES, published_errors
from d2lcnn.insight.ledger import NETWORKS
from d2lcnn.insight.published import WAYS

ROOT = Path(__file__).parents[2]


def test_each_error_is_of_a_network_that_can_be_built():
    assert {row.network for row in IMAGENET_ERRORS} <= set(NETWORKS)
    assert {row.tested for row in IMAGENET_ERRORS} == set(WAYS)
    assert {row.paper for row in IMAGENET_ERRORS} <= {row.paper for row in LEDGER}
    keys = [(row.paper, row.place, row.network, row.tested) for row in IMAGENET_ERRORS]
    assert len(set(keys)) == len(keys)


def test_errors_are_per_cent_and_five_guesses_are_better_than_one():
    for row in IMAGENET_ERRORS:
        known = [value for value in (row.top1, row.top5) if value is not None]
        assert known
        assert all(4 < value < 50 for value in known)
        assert known == sorted(known, reverse=True)


def test_ten_crops_are_better_than_one():
    compared = 0
    for one in published_errors(tested="1 crop"):
        for ten in published_errors(one.network, tested="10 crops"):
            if one.paper == ten.paper:
                compared += 1
                assert ten.top5 < one.top5
                assert one.top1 is None or ten.top1 < one.top1
    assert compared == 5


# As they stand in the papers, noted a second time.
KNOWN = [
    ("AlexNet", "10 crops", 40.7, 18.2),
    ("NiN", "1 crop", 40.64, None),
    ("VGG A-LRN", "whole picture", 29.7, 10.5),
    ("GoogLeNet", "1 crop", None, 10.07),
    ("ResNet-34", "10 crops", 24.52, 7.46),
    ("ResNet-152", "10 crops", 21.43, 5.71),
    ("DenseNet-161", "10 crops", 20.85, 5.30),
    ("DenseNet-201", "1 crop", 22.58, 6.34),
    ("MobileNetV1 α=0.25", "not said", 49.4, None),
    ("MobileNetV3-Large", "not said", 24.8, None),
]


@pytest.mark.parametrize(("network", "tested", "top1", "top5"), KNOWN)
def test_known_errors(network, tested, top1, top5):
    (row,) = published_errors(network, tested=tested)
    assert (row.top1, row.top5) == (top1, top5)


@pytest.mark.parametrize(
    ("chapter", "network", "quoted"),
    [
        ("vgg", "VGG A", {29.6, 10.4}),
        ("resnet", "ResNet-50", {22.85}),
        ("mobilenet", "MobileNetV1 at 192", {69.1}),  # an accuracy
        ("alexnet", "AlexNet", {18.2}),
    ],
)
def test_the_chapters_quote_the_same(chapter, network, quoted):
    text = "\n".join(cell.source for cell in nbformat.read(ROOT / f"book/{chapter}.ipynb", 4).cells)
    row = published_errors(network)[0]
    numbers = {value for value in (row.top1, row.top5) if value is not None}
    numbers |= {round(100 - value, 2) for value in numbers}
    assert quoted <= numbers
    for value in quoted:
        assert re.search(rf"(?<![\d.]){re.escape(f'{value:g}')}(?!\d)", text), value


def test_d2l_figures_are_of_recipes_and_shares():
    assert {row.recipe for row in D2L_ACCURACIES} <= set(RECIPES)
    assert all(0.5 < row.test_acc < 1 and 0.5 < row.train_acc < 1 for row in D2L_ACCURACIES)
    places = [row.place for row in D2L_ACCURACIES]
    assert len(set(places)) == len(places) == 9
    assert all(re.match(r"section [67]\.\d", place) for place in places)


def test_what_is_not_there_is_named():
    with pytest.raises(ValueError, match="no network 'VGG'. It has: LeNet-5"):
        published_errors("VGG")
    with pytest.raises(ValueError, match="tested on '11 crops'. Choose one of: 10 crops, 1 crop"):
        published_errors(tested="11 crops")
