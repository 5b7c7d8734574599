"""The comparison says what was run, and puts under one heading only what was run alike."""

import dataclasses
import re

import matplotlib.pyplot as plt
import pytest

import d2lcnn
from d2lcnn import compare_networks, course_row, paper_row, plot_settings, run_groups, unlike_d2l
from d2lcnn.insight import grouped_runs as module
from d2lcnn.insight.comparison import COURSE, D2L_SETTING, WIDTH
from d2lcnn.training.records import RESULTS, Run


@pytest.fixture
def records(tmp_path, monkeypatch):
    """A folder of records, and a function that puts one in: the recorded LeNet with some of it changed."""
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    original = Run.from_file(RESULTS / "lenet--cpu--float32--seed0.json")

    def put(seed, recipe="lenet", epochs=10, device="a CPU", acc=0.5, **changes):
        history = dataclasses.replace(
            original.history,
            **{
                field.name: getattr(original.history, field.name)[:epochs]
                for field in dataclasses.fields(original.history)
                if isinstance(getattr(original.history, field.name), list)
            },
        )
        history.test_acc[-1] = acc
        machine = {"type": "cuda", "name": device}
        settings = original.settings | {"num_epochs": epochs} | changes.pop("settings", {})
        run = dataclasses.replace(
            original, recipe=recipe, seed=seed, device=machine, history=history, settings=settings, **changes
        )
        (tmp_path / run.file_name).write_text(run.to_json(), encoding="utf-8")

    return put


@pytest.fixture(scope="module")
def everything():
    """The comparison that the chapter shows, which runs every network for its shapes."""
    return compare_networks()


def test_runs_that_differ_in_seed_and_device_are_one_group(records):
    records(0)
    records(1, device="another")
    records(2)
    (group,) = run_groups("lenet", "lenet")  # named twice, counted once
    assert len(group.runs) == 3
    assert group.seeds == "3 runs, seeds 0, 1, 2"
    assert group.last == [0.5] * 3
    assert all(best >= last for best, last in zip(group.best, group.last, strict=True))


def test_runs_that_were_not_run_alike_are_apart(records):
    records(0)
    records(1, epochs=3)
    records(2, precision="bfloat16")
    records(3, settings={"lr": 0.1})
    records(4, held_out=5_000)
    groups = run_groups("lenet")
    assert [(g.setting.epochs, g.setting.precision, len(g.runs)) for g in groups] == [
        (10, "float32", 1),
        (10, "float32", 1),
        (10, "bfloat16", 1),
        (3, "float32", 1),
    ]
    assert {run.seed for group in groups for run in group.runs} == {0, 1, 2, 3}
    assert list(d2lcnn.by_setting(groups)) == list(dict.fromkeys(group.setting for group in groups))


def test_one_panel_for_each_setting_and_bands_for_several_runs(records):
    records(0)
    records(1)
    records(0, recipe="lenet_bn", epochs=3)
    figure = plot_settings(run_groups("lenet", "lenet_bn"))
    first, second = figure.axes
    assert (first.get_title(), second.get_title()) == ("10 epochs, float32", "3 epochs, float32")
    assert (len(first.collections), len(second.collections)) == (1, 0)
    assert first.lines[0].get_color() != second.lines[0].get_color()
    plt.close(figure)


def test_no_two_recipes_look_alike():
    figure = plot_settings(run_groups(*COURSE))
    lines = [line for ax in figure.axes for line in ax.lines]
    looks = {(line.get_color(), line.get_linestyle()): line.get_label() for line in lines}
    assert len(looks) == len(lines) == len(COURSE)
    plt.close(figure)


def test_a_later_record_joins_the_table(records):
    records(0)
    before = str(compare_networks(["NiN"], ["lenet", "alexnet"]))
    records(0, recipe="alexnet", device="NVIDIA H200", acc=0.875)
    after = compare_networks(["NiN"], ["lenet", "alexnet"])
    assert "alexnet" not in before.partition("4. Speed")[0]
    assert re.search(r"^alexnet +224 +8 +46\.76 +938$", after.of_networks(), re.M)
    assert re.search(r"^alexnet +0\.875 .*0\.883  1 run, seed 0$", after.of_runs(), re.M)
    assert "recorded runs: NVIDIA H200, float32" in after.of_speeds()


def test_each_heading_holds_one_setting_and_says_how_it_differs_from_d2l():
    text = compare_networks(["NiN"]).of_runs()
    blocks = text.split("\n\n")[1:]
    assert len(blocks) == len({group.setting for group in run_groups(*COURSE)})
    for block in blocks:
        head, _, *rows, end = block.splitlines()
        assert head.startswith("Fashion-MNIST, 60,000 training images, ")
        assert rows
        assert end == "as d2l, whose seed nobody knows" or end.startswith("not as d2l: ")


def test_unlike_d2l():
    assert unlike_d2l(D2L_SETTING) == ""
    one = D2L_SETTING._replace(epochs=1, images=55_000)
    assert unlike_d2l(one) == "55,000 images in place of 60,000, 1 epoch in place of 10"
    assert unlike_d2l(D2L_SETTING._replace(data="MNIST")) == "MNIST in place of Fashion-MNIST"


def test_rows_are_measured_on_the_networks():
    row = paper_row("VGG D")
    assert (row.depth, row.parameters, row.multiply_adds) == (16, 138_357_544, 15_470_264_320)
    assert (row.error.top1, row.error.paper) == (28.07, "He et al. 2016")
    assert paper_row("LeNet-5").error is None
    assert [course_row(recipe).parameters for recipe in COURSE] == [
        61_706, 62_158, 46_764_746, 1_992_166, 43_093_322, 5_977_530, 11_178_378, 758_226, 3_216_650,
    ]  # fmt: skip


def test_columns_stand_under_one_another():
    table = compare_networks(["AlexNet", "VGG D", "GoogLeNet"], ["lenet"])
    _, head, *rows, _, _, _ = table.of_papers().splitlines()
    assert [row[head.index("tested on") :].split("  ")[0] for row in rows] == ["10 crops"] * 3
    # Points stand under one another though some papers print one decimal and some two.
    assert [row[: head.index("  tested on")].split()[-2:] for row in rows] == [
        ["40.7", "18.2"],
        ["28.07", "9.33"],
        ["–", "9.15"],
    ]
    assert rows[0].index("40.7") == rows[1].index("28.07")
    assert rows[0].index(".2 ") == rows[1].index(".33") == rows[2].index(".15")
    parts = [table.of_papers(), table.of_networks(), table.of_runs(), table.of_speeds()]
    assert str(table) == repr(table) == "\n\n".join(parts)


def test_letters_stand_for_sources(everything):
    lines = everything.of_papers().splitlines()
    keys = dict(re.fullmatch(r"([a-z]): (.+)", line).groups() for line in lines if line[1:3] == ": ")
    rows = [line.rsplit(None, 1) for line in lines if line.endswith(tuple(f" {letter}" for letter in keys))]
    assert len(rows) == len(everything.papers) - 1  # LeNet-5 has no error
    for row, letter in rows:
        assert keys[letter] == paper_row(row.split("  ")[0]).error.source


def test_no_line_is_wider_than_the_page(everything):
    longest = max(str(everything).splitlines(), key=len)
    assert len(longest) <= WIDTH, longest


def test_a_long_key_goes_on_in_the_next_line(records):
    device = "a machine with a name that is long " * 3
    records(0, device=device.strip())
    records(1, device="short")
    lines = compare_networks(["NiN"], ["lenet"]).of_speeds().splitlines()
    first = next(i for i, line in enumerate(lines) if "recorded runs: a machine" in line)
    assert lines[first + 1].startswith("   ")
    assert " ".join(f"{lines[first]} {lines[first + 1]}".split()).endswith(f"{device.strip()}, float32")
    assert all(len(line) <= WIDTH for line in lines)


def test_bad_input_is_named(records):
    with pytest.raises(ValueError, match="no network 'VGG', 'x'. It has: LeNet-5"):
        compare_networks(["VGG", "NiN", "x"])
    with pytest.raises(ValueError, match="There is no recipe 'vgg'"):
        run_groups("vgg")
    with pytest.raises(
        ValueError, match="No run of these recipes is recorded: nin. Record one: d2lcnn record"
    ):
        run_groups("nin")
    with pytest.raises(ValueError, match="none is named"):
        run_groups()
    with pytest.raises(ValueError, match="no group of runs"):
        plot_settings([])


def test_an_unknown_recipe_is_named():
    with pytest.raises(ValueError, match="'lenot'"):
        course_row("lenot")
