"""The figures of the chapter on choosing a norm: runs by batch size, the tree, gradients through Transformer blocks."""

import itertools

import pytest
import torch
from torch import nn

from d2lcnn.insight import batch_size_runs
from d2lcnn.insight.batch_size_runs import plot_batch_sizes, runs_by_batch_size
from d2lcnn.insight.explore_norm_choice import (
    BATCHES,
    LAST,
    QUESTIONS,
    TASKS,
    chosen_leaf,
    explore_norm_choice,
)
from d2lcnn.insight.explore_pre_post import (
    DEPTHS,
    SEQUENCES,
    TOKENS,
    explore_pre_post,
    stream_profile,
    transformer_stack,
)
from d2lcnn.insight.svg import ORANGE


def test_each_size_has_the_runs_of_its_own_recipe():
    by_size = runs_by_batch_size("norm_bn")
    assert list(by_size) == sorted(by_size)
    assert {1, 16, 64} <= set(by_size)
    for size, runs in by_size.items():
        assert {run.settings["batch_size"] for run in runs} == {size}
        assert {run.recipe for run in runs} == {f"norm_bn_batch{size}"}


def test_the_figure_shows_the_last_epoch_of_each_recorded_size():
    figure = plot_batch_sizes("norm_bn", "norm_in")
    for container, family in zip(figure.axes[0].containers, ("norm_bn", "norm_in"), strict=True):
        by_size = runs_by_batch_size(family)
        xs, ys = container[0].get_data()
        assert list(xs) == list(by_size)
        for y, runs in zip(ys, by_size.values(), strict=True):
            assert y == pytest.approx(sum(run.history.test_acc[-1] for run in runs) / len(runs))


@pytest.mark.parametrize("family", ["lenet", "norm_", "norm_bn_batch1", "norm.bn"])
def test_a_family_without_batch_sizes_is_refused(family):
    with pytest.raises(ValueError, match="Families of such recipes are: norm_bn, norm_gn, norm_in, norm_ln"):
        runs_by_batch_size(family)


def test_a_family_without_records_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(batch_size_runs, "RESULTS", tmp_path)
    with pytest.raises(ValueError, match="d2lcnn record norm_gn_batch1 --seed 0"):
        runs_by_batch_size("norm_gn")


def test_no_family_is_refused():
    with pytest.raises(ValueError, match="at least one family"):
        plot_batch_sizes()


def test_the_tree_asks_for_the_batch_only_where_it_matters():
    for batch in BATCHES:
        assert chosen_leaf("read sequences", batch) == 0
        assert chosen_leaf("restyle pictures", batch) == 1
    assert [chosen_leaf("classify pictures", batch) for batch in BATCHES] == [3, 3, 2]


@pytest.mark.parametrize(("task", "batch"), [("paint", "1"), ("read sequences", "3")])
def test_the_tree_refuses_what_it_does_not_know(task, batch):
    with pytest.raises(ValueError, match="There is no .* in the tree. Choose one of"):
        chosen_leaf(task, batch)


def test_one_way_through_the_tree_is_thick_and_ends_at_the_norm_that_the_sentence_names():
    names = [" ".join(norm) for _, norm in QUESTIONS] + [" ".join(LAST)]
    for (task, batch), (drawing, sentence) in explore_norm_choice().frames.items():
        leaf = chosen_leaf(task, batch)
        thick = sum(f'stroke="{ORANGE}" stroke-width="3"' in element for element in drawing.elements)
        # A question, its answer, and so on; at the end the norm, or, without a yes, the last box.
        assert thick == 2 * leaf + (3 if leaf < 3 else 1)
        assert names[leaf].split(",")[0].split(" with")[0] in sentence.lower()
    assert set(itertools.product(TASKS, BATCHES)) == set(explore_norm_choice().frames)


@pytest.mark.parametrize("pre_norm", [False, True])
def test_stream_and_gradient_are_what_backward_gives(pre_norm):
    stack = transformer_stack(3, pre_norm=pre_norm)
    profile = stream_profile(stack)
    generator = torch.get_rng_state()
    stream_profile(transformer_stack(3, pre_norm=pre_norm))
    assert torch.equal(generator, torch.get_rng_state())
    assert len(profile.deviation) == len(profile.gradient) == 4
    assert profile == stream_profile(transformer_stack(3, pre_norm=pre_norm))
    # The account of the chapter: post-norm keeps the stream's deviation, pre-norm lets it grow.
    last = profile.deviation[-1]
    assert last > 1.2 if pre_norm else last == pytest.approx(1, abs=1e-3)
    assert all(parameter.grad is None for parameter in stack.parameters())
    # The same by hand, from the definition: each block's input and the last block's output, and one backward pass.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        stream = torch.randn(SEQUENCES, TOKENS, 32, dtype=torch.float64).requires_grad_()
        head, labels = nn.Linear(32, 10, dtype=torch.float64), torch.randint(10, (SEQUENCES,))
    streams = [stream]
    for block in list(stack)[:3]:
        streams.append(block(streams[-1]))
        streams[-1].retain_grad()
    out = stack[3](streams[-1]) if pre_norm else streams[-1]
    nn.functional.cross_entropy(head(out.mean(dim=1)), labels).backward()
    assert profile.gradient == pytest.approx([stream.grad.norm().item() for stream in streams])
    assert profile.deviation == pytest.approx([stream.std(correction=0).item() for stream in streams])


def test_silenced_blocks_of_a_pre_norm_stack_change_neither_stream_nor_gradient():
    stack = transformer_stack(2, pre_norm=True)
    for block in list(stack)[:2]:
        block.attention.out_proj.weight.data.zero_()
        block.feedforward[2].weight.data.zero_()
    profile = stream_profile(stack)
    assert profile.deviation[0] == profile.deviation[-1]
    assert profile.gradient[0] == pytest.approx(profile.gradient[-1])


def test_a_stack_without_blocks_is_refused():
    with pytest.raises(ValueError, match="at least one block, got depth=0"):
        transformer_stack(0, pre_norm=True)


def test_the_moving_figure_draws_every_gradient():
    moving = explore_pre_post()
    assert set(moving.frames) == set(itertools.product(("post-norm", "pre-norm"), DEPTHS))
    assert len({tuple(drawing.elements) for drawing, _ in moving.frames.values()}) == len(moving.frames)
    highest = max(
        max(stream_profile(transformer_stack(depth, pre_norm=pre_norm)).gradient)
        for depth in DEPTHS
        for pre_norm in (False, True)
    )
    assert highest <= 0.32  # the panel's upper edge
