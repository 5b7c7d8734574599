"""The figure of the paths through a chain of blocks: their number, their lengths, and what is left of them."""

import gzip
import math
import re

import pytest

from d2lcnn.insight.explore_paths import explore_paths, paths


def test_paths_are_all_choices_of_blocks():
    assert list(paths(2, "residual")) == [(), (1,), (2,), (1, 2)]
    assert list(paths(3, "plain")) == [(1, 2, 3)]
    for blocks in (2, 3, 4):
        lengths = [len(path) for path in paths(blocks, "residual")]
        assert [lengths.count(k) for k in range(blocks + 1)] == [
            math.comb(blocks, k) for k in range(blocks + 1)
        ]


def test_sentences():
    frames = explore_paths(3).frames
    assert frames[("residual", "none")][1] == (
        "8 of 8 paths are whole: 1 through no block, 3 through 1, 3 through 2, 1 through 3."
    )
    assert (
        frames[("residual", "block 2")][1]
        == "4 of 8 paths are whole: 1 through no block, 2 through 1, 1 through 2."
    )
    assert frames[("plain", "none")][1] == "1 of 1 path is whole: 1 through 3 blocks."
    assert frames[("plain", "block 1")][1] == "0 of 1 path is whole."


@pytest.mark.parametrize("blocks", [2, 3, 4])
def test_the_picture_shows_what_the_sentence_says(blocks):
    for (kind, taken_out), (drawing, sentence) in explore_paths(blocks).frames.items():
        whole = int(re.match(r"\d+", sentence)[0])
        lines = [element for element in drawing.elements if element.startswith("<path")]
        dashed = [line for line in lines if "stroke-dasharray" in line]
        passed = sum(len(path) for path in paths(blocks, kind))
        squares = [element for element in drawing.elements if element.startswith("<rect")]
        assert len(squares) == passed
        # A path through k blocks is k + 1 pieces of line.
        gone = 0 if taken_out == "none" else int(taken_out[-1])
        assert len(dashed) == sum(len(path) + 1 for path in paths(blocks, kind) if gone in path)
        assert whole == sum(gone not in path for path in paths(blocks, kind))


def test_light_and_the_same_next_time():
    page = explore_paths(4).html()
    assert page == explore_paths(4).html()
    assert len(page.encode()) < 150_000
    assert len(gzip.compress(page.encode())) < 25_000


@pytest.mark.parametrize("blocks", [0, 1, 5, 2.5])
def test_other_numbers_are_refused(blocks):
    with pytest.raises(ValueError, match=f"2 to 4 blocks can be drawn with all their paths, got {blocks}"):
        explore_paths(blocks)
