"""Listings, tables and figures."""

import dataclasses
from statistics import stdev

import matplotlib as mpl
import pytest
import torch
from torch import nn

import d2lcnn

mpl.use("Agg")


class OnlyDocstring:
    """Nothing but words."""


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_source_is_the_package_s_own_and_drops_only_docstrings():
    import ast
    import inspect

    listing = d2lcnn.show_source(d2lcnn.LeNet).data
    code = listing.removeprefix("```python\n").removesuffix("\n```")
    whole = d2lcnn.show_source(d2lcnn.LeNet, docstrings=True).data
    assert inspect.getsource(d2lcnn.LeNet).rstrip() in whole

    def without_docstrings(source):
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
                node.body = node.body[1:]
        return ast.unparse(tree)

    assert '"""' not in code
    assert ast.unparse(ast.parse(code)) == without_docstrings(inspect.getsource(d2lcnn.LeNet))
    assert "def show_source" in d2lcnn.show_source(d2lcnn.lenet, d2lcnn.show_source).data
    assert '"""Nothing but words."""' in d2lcnn.show_source(OnlyDocstring).data
    with pytest.raises(TypeError):
        d2lcnn.show_source(len)


def test_layer_table_of_lenet():
    net = d2lcnn.lenet()
    net.dense1.eval()
    rows = {row.name: row for row in d2lcnn.layer_table(net, (2, 1, 28, 28))}
    assert list(rows) == [name for name, _ in net.named_children()]
    assert rows["conv1"].output_shape == (2, 6, 28, 28)
    assert rows["conv2"].multiply_adds == 2 * 16 * 10 * 10 * 6 * 25
    assert rows["dense1"].multiply_adds == 2 * 400 * 120
    assert rows["dense1"].parameters == 400 * 120 + 120
    assert sum(row.parameters for row in rows.values()) == 61_706
    assert net.conv1.training
    assert not net.dense1.training
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in net.modules())


def test_layer_table_counts_shared_layers_once_and_parameters_beside_children():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)
            self.scale = nn.Parameter(torch.ones(3))

        def forward(self, x):
            return self.scale * self.layer(self.layer(x))

    table = d2lcnn.layer_table(Twice(), (1, 3))
    assert [(r.kind, r.parameters, r.multiply_adds) for r in table] == [
        ("Linear", 12, 9),
        ("Linear", 0, 9),
        ("Twice", 3, 0),  # its work is that of the rows inside
    ]


def test_layer_table_leaves_the_net_clean_after_an_error():
    net = d2lcnn.lenet()
    with pytest.raises(ValueError, match="resize=28"):
        d2lcnn.layer_table(net, (1, 1, 32, 32))
    assert net.training
    assert all(not m._forward_hooks for m in net.modules())


def test_feature_maps():
    net = d2lcnn.lenet_bn()
    X = torch.rand(2, 1, 28, 28)
    maps = d2lcnn.feature_maps(net, X, "pool1")
    net.eval()
    expected = net.pool1(net.conv1_act(net.conv1_norm(net.conv1(X))))
    torch.testing.assert_close(maps, expected)
    with pytest.raises(ValueError, match="no layer 'pool9'.*conv1, conv1_norm"):
        d2lcnn.feature_maps(net, X, "pool9")
    heads = d2lcnn.build_on_meta(lambda: d2lcnn.googlenet(aux_logits=True, num_classes=2))
    with pytest.raises(ValueError, match="'aux1' does not run in evaluation mode"):
        d2lcnn.feature_maps(heads, torch.zeros(1, 3, 64, 64, device="meta"), "aux1")


def test_show_images():
    figure = d2lcnn.show_images(torch.rand(5, 3, 4, 4), list("abcde"), columns=3)
    assert [ax.get_title() for ax in figure.axes] == list("abcde")
    maps = d2lcnn.show_images(torch.randn(2, 4, 4) * 9)
    assert len(maps.axes) == 2
    for bad in (torch.rand(2, 2, 4, 4), torch.rand(4, 4), torch.rand(0, 1, 4, 4)):
        with pytest.raises(ValueError, match="N×H×W"):
            d2lcnn.show_images(bad)
    with pytest.raises(ValueError, match="one title for each"):
        d2lcnn.show_images(torch.rand(2, 1, 4, 4), ["a"])
    with pytest.raises(ValueError, match="columns must be at least 1, got 0"):
        d2lcnn.show_images(torch.rand(2, 1, 4, 4), columns=0)


def test_plot_runs_draws_the_records_and_a_real_run_over_them():
    runs = d2lcnn.load_runs("lenet")
    losses, accuracies = d2lcnn.plot_runs("lenet").axes
    lines = {line.get_label(): line for line in accuracies.get_lines()}
    mean = [sum(epoch) / len(runs) for epoch in zip(*[r.history.test_acc for r in runs])]
    assert lines["test"].get_ydata().tolist() == pytest.approx(mean)
    assert len(losses.collections) == len(accuracies.collections) == 2  # a band for each curve
    top = accuracies.collections[1].get_paths()[0].vertices[:, 1].max()
    bands = [stdev(epoch) for epoch in zip(*[r.history.test_acc for r in runs])]
    assert top == pytest.approx(max(m + deviation for m, deviation in zip(mean, bands)))
    several = d2lcnn.plot_runs("lenet", "lenet_bn").axes[0]
    assert [line.get_label() for line in several.get_lines()] == ["lenet", "lenet_bn"]

    own = d2lcnn.History.from_dict(runs[0].history.to_dict())
    labels = [line.get_label() for line in d2lcnn.plot_runs("lenet", history=own).axes[1].get_lines()]
    assert "test, your run" in labels
    own.fast = True
    labels = [line.get_label() for line in d2lcnn.plot_runs("lenet", history=own).axes[1].get_lines()]
    assert "test, your run" not in labels
    with pytest.raises(ValueError, match="at least one recipe"):
        d2lcnn.plot_runs()


def shortened(run, epochs):
    fields = {
        name: values[:epochs] if isinstance(values, list) else values
        for name, values in run.history.to_dict().items()
    }
    return dataclasses.replace(run, history=d2lcnn.History.from_dict(fields | {"num_epochs": epochs}))


def ticks_in_view(ax):
    low, high = ax.get_xlim()
    return [tick for tick in ax.get_xticks() if low <= tick <= high]


@pytest.mark.parametrize("epochs", [1, 2, 3, 5])
def test_few_epochs_have_a_tick_each_and_none_between(monkeypatch, epochs):
    short = shortened(d2lcnn.load_runs("lenet")[0], epochs)
    monkeypatch.setattr("d2lcnn.insight.figures.load_runs", lambda *_, **__: [short])
    wanted = list(range(1, epochs + 1))
    for ax in (*d2lcnn.plot_runs("lenet").axes, *d2lcnn.plot_runs("lenet", "lenet_bn").axes):
        assert ticks_in_view(ax) == wanted
    assert ticks_in_view(short.history.plot()) == (wanted if epochs > 1 else [1, 2])


def test_a_run_of_one_epoch_is_drawn_and_summarized_as_one(monkeypatch):
    short = shortened(d2lcnn.load_runs("lenet")[0], 1)
    monkeypatch.setattr("d2lcnn.insight.figures.load_runs", lambda *_, **__: [short])
    for ax in d2lcnn.plot_runs("lenet").axes:
        # A line through one point is invisible.
        assert all(line.get_marker() == "o" for line in ax.get_lines())
    assert ", 1 epoch, 1 seed" in d2lcnn.summarize_runs([short])


def test_draw_network_keeps_long_vectors_above_their_labels():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 4096), nn.Linear(4096, 1024))
    ax = d2lcnn.draw_network(net, (1, 1, 8, 8), skip=["Flatten"]).axes[0]
    heights = [patch.get_height() for patch in ax.patches]
    assert heights[-2:] == pytest.approx([8.0, 4.0])  # the image is 8 high, and 4096 is 2² times 1024
    label = max(text.get_position()[1] for text in ax.texts)
    assert min(patch.get_y() for patch in ax.patches) > label


def test_draw_network_in_rows_draws_the_same_below_each_other():
    net, skip = d2lcnn.lenet(), ["Sigmoid", "Flatten"]
    one, rows = (d2lcnn.draw_network(net, (1, 1, 28, 28), skip=skip, columns=c) for c in (None, 3))
    assert [t.get_text() for t in rows.axes[0].texts] == [t.get_text() for t in one.axes[0].texts]
    assert len(rows.axes[0].patches) == len(one.axes[0].patches)
    heights = [text.get_position()[1] for text in rows.axes[0].texts]
    assert len(set(heights)) == 3
    assert heights == sorted(heights, reverse=True)
    below = [patch for patch in rows.axes[0].patches if patch.get_y() < heights[0]]
    assert max(patch.get_y() + patch.get_height() for patch in below) < heights[0]
    assert rows.get_figwidth() < one.get_figwidth()


def test_draw_network_draws_every_layer_that_is_not_skipped():
    net = d2lcnn.lenet()
    ax = d2lcnn.draw_network(net, (1, 1, 28, 28), skip=["Sigmoid", "Flatten"]).axes[0]
    texts = [text.get_text() for text in ax.texts]
    assert texts[0] == "input\n1×28×28"
    assert texts[2] == "pool1\n6×14×14"
    assert len(texts) == 8
    sides = {patch.get_width() for patch in ax.patches}
    assert {28, 14, 10, 5} <= sides
