"""The ledger: each published figure agrees with the network that is built, or the ledger says why not."""

import re
from dataclasses import replace

import pytest
from torch import nn

from d2lcnn.insight import ledger
from d2lcnn.insight.ledger import LEDGER, NETWORKS, QUANTITIES, LedgerRow, ledger_table
from d2lcnn.nets.lenet import lenet


def name(row):
    return f"{row.network}-{row.layer}-{row.quantity}-{row.paper}-{row.place}"


@pytest.mark.parametrize("row", LEDGER, ids=name)
def test_agrees_or_is_explained(row):
    assert row.agrees == (not row.explanation), f"published {row.published}, ours {row.ours}"


def test_the_ledger_covers_what_the_course_teaches():
    assert {row.network for row in LEDGER} == set(NETWORKS)
    assert {row.quantity for row in LEDGER} == set(QUANTITIES)
    assert len({name(row) for row in LEDGER}) == len(LEDGER) > 100
    assert sum(row.agrees for row in LEDGER) > 0.7 * len(LEDGER)


def test_explanations_are_sentences():
    for row in LEDGER:
        if row.explanation:
            assert re.fullmatch(r".{15,}\.|.{15,}\+ 1\.", row.explanation, re.DOTALL), row.explanation


def test_figures_are_whole_in_their_unit():
    for row in LEDGER:
        if isinstance(row.published, tuple):
            assert row.unit == 0
        elif row.unit:
            digits = row.published / row.unit
            assert digits == pytest.approx(round(digits)), row
        else:
            assert row.published == round(row.published)


# Measured on the networks in other ways, when the course's facts were gathered.
KNOWN = [
    ("AlexNet", "multiply-adds", 724_406_816),
    ("VGG C", "parameters", 133_638_952),
    ("NiN", "parameters", 7_595_176),
    ("GoogLeNet", "parameters", 6_998_552),
    ("ResNet-110", "parameters", 1_727_962),
    ("DenseNet-BC (L=190, k=40)", "parameters", 25_624_430),
    ("MobileNetV1 α=0.25", "parameters", 470_072),
    ("LeNet-5", "connections", 340_908),
]


@pytest.mark.parametrize(("network", "quantity", "value"), KNOWN)
def test_ours_is_what_was_measured_otherwise(network, quantity, value):
    assert LedgerRow("", "", network, quantity, 0).ours == value


def test_ours_comes_from_the_network(monkeypatch):
    row = next(
        row for row in LEDGER if row.network == "LeNet-5" and row.quantity == "parameters" and not row.layer
    )
    monkeypatch.setitem(NETWORKS, "another", ledger._Subject(lenet, 28, 1))
    assert row.agrees
    assert replace(row, network="another").ours == 61_706
    assert not replace(row, network="another").agrees


def test_measuring_leaves_networks_without_memory():
    for network in ("VGG E", "MobileNetV3-Large"):
        ledger._outputs(network)
        net = ledger._network(network)
        assert all(p.is_meta for p in net.parameters())
        assert all(m.training and not m._forward_hooks for m in net.modules())


@pytest.mark.parametrize(
    ("published", "unit", "agrees"),
    [
        (60_000, 0, True), (60_001, 0, False), (6e4, 1e4, True), (7e4, 1e4, False), (0.1e6, 0.1e6, True),
        (59_990, 10, False), (60_005, 10, True), (60_006, 10, False), ((60_000,), 0, False),
    ],
)  # fmt: skip
def test_rounding(published, unit, agrees):
    assert LedgerRow("", "", "LeNet-5", "parameters", published, unit).agrees == agrees


def test_without_a_unit_a_figure_is_exact():
    # 28.97 rounds to 29, and is not 29.
    row = LedgerRow("", "", "NiN", "MiB in float32", 29)
    assert not row.agrees
    assert replace(row, unit=1).agrees


def test_the_table_prints_each_explanation_once_below():
    table = ledger_table("GoogLeNet")
    lines = str(table).splitlines()
    notes = [line for line in lines if re.match(r"\(\d+\) ", line)]
    assert len(lines) == 1 + len(table) + len(notes)
    assert len(notes) == len({row.explanation for row in table} - {""})
    conv1 = next(line for line in lines if line.split()[-2:-1] == ["9,408"])
    assert re.search(r"features\.conv1 +2,700 +9,408 +\(1\)$", conv1)
    assert notes[0].startswith("(1) A 7×7 convolution")
    assert repr(table) == str(table)


def test_rows_of_a_family():
    assert {row.network for row in ledger_table("VGG")} == {
        f"VGG {x}" for x in ("A", "A-LRN", "B", "C", "D", "E")
    }
    assert list(ledger_table()) == list(LEDGER)
    with pytest.raises(ValueError, match="starts with 'VVG'. It has: LeNet-5, AlexNet, VGG A"):
        ledger_table("VVG")


def test_every_layer_that_a_row_names_is_there():
    for row in LEDGER:
        if row.quantity.startswith("%") or row.layer == "input":
            continue
        for part in row.layer.split(" + "):
            assert isinstance(ledger._network(row.network).get_submodule(part), nn.Module)
