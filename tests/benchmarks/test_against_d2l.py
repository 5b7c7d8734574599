"""The table's numbers, and the command that fills it."""

import dataclasses
import json

import pytest

import d2lcnn
from d2lcnn.training.bench import Rates


def entry(d2l, float32, auto, agree=True):
    """A recipe's raw result; ours are rounds of epochs, the limit twice as fast."""

    def rounds(rates):
        return [{"ours": r, "compute": [2 * x for x in r], "limit": [2 * x for x in r]} for r in rates]

    return {
        "date": "2026-01-02",
        "batch_size": 256,
        "resize": 28,
        "auto_compiled": False,
        "steps": {"d2l": 9, "ours": 6},
        "d2l": {"end_to_end": d2l, "compute": [3 * x for x in d2l]},
        "float32": rounds(float32),
        "auto": rounds(auto),
        "agreement": {"steps": 5, "images": 16, "float32_agrees": agree, "auto_agrees": True},
    }


ENTRIES = {
    # The second round ran while the machine was twice as slow, the third as the first.
    "lenet": entry(
        [100.0, 50.0, 100.0],
        [[200.0, 210.0, 190.0], [100.0] * 3, [200.0] * 3],
        [[400.0] * 3, [200.0] * 3, [400.0] * 3],
    ),
    "vgg11": entry([10.0], [[80.0, 80.0]], [[90.0, 90.0]]),
}


def test_columns(table):
    assert table.columns(ENTRIES["lenet"]) == {
        "d2l": 100, "d2l compute": 300, "float32": 200, "float32 compute": 400, "auto": 400, "auto compute": 800,
        "float32 / d2l": 2, "auto / d2l": 4, "float32 / limit": 0.5, "auto / limit": 0.5,
    }  # fmt: skip


def test_geometric_means(table):
    assert table.geometric_means(ENTRIES) == pytest.approx(
        {"float32 / d2l": 4, "auto / d2l": 6, "float32 / limit": 0.5, "auto / limit": 0.5}
    )


def test_table(table):
    result = {
        "machine": {"name": "a CPU", "auto": "bfloat16"},
        "versions": {"torch": "2"},
        "commit": "0123456789abcdef",
        "data": "Fashion-MNIST",
        "date": "2026-01-02",
        "recipes": ENTRIES | {"nin": entry([10.0], [[20.0]], [[30.0]], agree=False)},
    }
    text = table.write(result)
    rows = {line.split()[0]: line.split("|") for line in text.splitlines() if "@" in line}
    assert rows["lenet"][0].split() == ["lenet", "256@28", "9", "6"]
    assert rows["lenet"][1].split() == ["100", "200", "400"]
    assert rows["lenet"][2].split() == ["2.00×", "4.00×"]
    assert rows["lenet"][3].split() == ["300", "400", "800"]
    assert rows["lenet"][4].split() == ["50.0%", "50.0%"]
    assert rows["lenet"][5].split() == ["agree"]
    assert "float32 DIFFERS" in rows["nin"][5]
    assert len({len(line) for line in text.splitlines() if "@" in line and "agree" in line}) == 1


@pytest.fixture
def command(against_d2l, peer, monkeypatch, tmp_path):
    """The command on small recipes and little data; gives its exit status and the file that it wrote."""
    small = {name: dataclasses.replace(d2lcnn.RECIPES[name], batch_size=8) for name in ("lenet", "lenet_bn")}
    monkeypatch.setattr(d2lcnn, "RECIPES", small)
    monkeypatch.setenv("D2LCNN_DATA", str(tmp_path / "nothing"))
    monkeypatch.setattr(against_d2l, "commit", lambda: "0123")
    write = peer.write_stand_in
    monkeypatch.setattr(peer, "write_stand_in", lambda root: write(root, num_train=800, num_test=8))

    def run(*words):
        status = against_d2l.main(
            [*words, "--seconds", "0.05", "--device", "cpu", "--out", str(tmp_path / "out")]
        )
        (path,) = (tmp_path / "out").iterdir()
        return status, json.loads(path.read_text())

    return run


def test_a_whole_run(command, capsys, against_d2l, monkeypatch):
    monkeypatch.setattr(against_d2l, "COMPILED", ())  # compiling takes long
    status, result = command("lenet")
    assert status == 0
    lenet = result["recipes"]["lenet"]
    rounds = lenet["plan"]["rounds"]
    assert len(lenet["d2l"]["end_to_end"]) == len(lenet["float32"]) == len(lenet["auto"]) == rounds
    assert lenet["agreement"]["float32_agrees"]
    assert result["data"] == "a stand-in for Fashion-MNIST"
    assert result["versions"]["d2l"] == "1.0.3"
    assert "geometric mean" in capsys.readouterr().out


def test_auto_compiles_the_networks_with_short_steps_and_says_so(command, capsys, against_d2l, monkeypatch):
    seen = []

    def measured(recipe, data, epochs, device, precision, *, compile):
        seen.append((precision, compile))
        return Rates(ours=[2.0], compute=[3.0], limit=[2.0])

    monkeypatch.setattr(against_d2l, "measure_round", measured)
    monkeypatch.setattr(
        against_d2l.agreement,
        "compare",
        lambda *_, compile: seen.append(compile) or ENTRIES["lenet"]["agreement"],
    )
    _, result = command("lenet")
    assert set(seen) == {("float32", False), ("auto", True), True}
    assert result["recipes"]["lenet"]["auto_compiled"]
    assert "compiled as well, ours and the limit's: lenet." in capsys.readouterr().out


def test_an_interrupted_run_goes_on(command, against_d2l, monkeypatch, capsys):
    measured = []

    def measure(name, *_):
        measured.append(name)
        if measured == ["lenet", "lenet_bn"]:
            raise KeyboardInterrupt
        return ENTRIES["lenet"]

    monkeypatch.setattr(against_d2l, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        command("lenet", "lenet_bn")
    _, result = command("lenet", "lenet_bn")
    assert measured == ["lenet", "lenet_bn", "lenet_bn"]
    assert list(result["recipes"]) == ["lenet", "lenet_bn"]
    # Of other code, uncommitted changes, or by wish, what is named is measured anew, and nothing else is lost.
    monkeypatch.setattr(against_d2l, "commit", lambda: "4567")
    status, result = command("lenet_bn")
    assert status == 2
    assert "would lose lenet. Measure all recipes" in capsys.readouterr().err
    assert list(result["recipes"]) == ["lenet", "lenet_bn"]
    assert measured[3:] == []
    _, result = command("lenet", "lenet_bn", "--again")
    assert list(result["recipes"]) == ["lenet", "lenet_bn"]
    _, result = command("lenet_bn", "--again")
    assert list(result["recipes"]) == ["lenet", "lenet_bn"]
    assert measured[3:] == ["lenet", "lenet_bn", "lenet_bn"]


def test_uncommitted_changes_are_measured_each_time(command, against_d2l, monkeypatch):
    measured = []

    def measure(name, *_):
        measured.append(name)
        return ENTRIES["lenet"]

    monkeypatch.setattr(against_d2l, "measure", measure)
    monkeypatch.setattr(against_d2l, "commit", lambda: "4567+changes")
    command("lenet_bn")
    command("lenet_bn")
    monkeypatch.setattr(against_d2l, "commit", lambda: "4567")
    command("lenet_bn")
    command("lenet_bn")
    assert measured == ["lenet_bn"] * 3


def test_a_loss_that_differs_is_a_failure(command, against_d2l, monkeypatch):
    wrong = entry([10.0], [[20.0]], [[30.0]], agree=False)
    monkeypatch.setattr(
        against_d2l, "measure", lambda name, *_: wrong if name == "lenet" else ENTRIES["lenet"]
    )
    assert command("lenet_bn")[0] == 0
    assert command("lenet")[0] == 1


def test_an_unknown_recipe(command, capsys):
    with pytest.raises(SystemExit):
        command("lenett")
    assert "unknown recipe lenett" in capsys.readouterr().err
