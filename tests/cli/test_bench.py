"""`d2lcnn bench`."""

import pytest

from d2lcnn.cli import bench as command
from d2lcnn.training.bench import BENCHED


def test_a_line_for_each_recipe(d2lcnn_):
    status, out, err = d2lcnn_(
        "bench", "lenet", "lenet_relu", "--precision", "float32", "--device", "cpu", "--seconds", 0.01
    )
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert "float32; examples per second" in lines[0]
    assert [line.split()[0] for line in lines[2:]] == ["lenet", "lenet_relu"]
    assert len(lines[1]) == len(lines[2]) == len(lines[3])


def test_json(d2lcnn_, monkeypatch):
    calls = []

    def bench(name, **settings):
        calls.append((name, settings))
        return {"recipe": name, "share_of_limit": 0.9}

    monkeypatch.setattr(command, "bench", bench)
    outcome = d2lcnn_("bench", "--json", "--compile", "--seconds", 2)
    assert outcome.status == 0
    assert [row["recipe"] for row in outcome.json] == list(BENCHED) == [name for name, _ in calls]
    assert calls[0][1] == {"device": None, "precision": "auto", "compile": True, "seconds": 2.0}


def test_an_unknown_recipe_is_refused_before_anything_is_measured(d2lcnn_, monkeypatch):
    monkeypatch.setattr(command, "bench", lambda *_, **__: pytest.fail("measured"))
    status, out, err = d2lcnn_("bench", "lenet", "lenett")
    assert (status, out) == (1, "")
    assert "no recipe 'lenett'" in err


def test_bad_seconds(d2lcnn_):
    status, _, err = d2lcnn_("bench", "lenet", "--seconds", 0)
    assert status == 2
    assert "above 0" in err
