"""Measured speeds are read as the benchmark wrote them, or refused."""

import json

import pytest

from d2lcnn import RECIPES, load_speeds
from d2lcnn.training.speeds import SPEEDS


def written(folder, auto="bfloat16", **changes):
    def rounds(*rates):
        return [{"ours": list(r), "limit": [1.0]} for r in rates]

    entry = {
        "date": "2026-01-02",
        "steps": {"d2l": 9, "ours": 6},
        "d2l": {"end_to_end": [10.0, 30.0, 20.0]},
        # The second round was disturbed, and so was one epoch of the first.
        "float32": rounds((40.0, 2.0, 44.0), (4.0, 5.0, 6.0), (41.0, 42.0, 43.0)),
        "auto_compiled": True,
        "auto": rounds((80.0,), (81.0,), (82.0,)),
    }
    content = {"machine": {"name": "a machine", "auto": auto}, "recipes": {"lenet": entry}} | changes
    (folder / "a-machine.json").write_text(json.dumps(content))


def test_medians_over_rounds_of_medians(tmp_path):
    written(tmp_path)
    float32, bfloat16 = load_speeds(tmp_path)
    assert (float32.recipe, float32.device, float32.precision) == ("lenet", "a machine", "float32")
    assert (float32.images_per_second, float32.d2l, float32.steps) == (40.0, 20.0, 6)
    assert (bfloat16.precision, bfloat16.images_per_second) == ("bfloat16", 81.0)
    assert (float32.compiled, bfloat16.compiled) == (False, True)


def test_a_machine_without_bfloat16_has_one_speed(tmp_path):
    written(tmp_path, auto="float32")
    assert [speed.precision for speed in load_speeds(tmp_path)] == ["float32"]


def test_what_the_package_ships_can_be_read():
    speeds = load_speeds()
    assert {speed.recipe for speed in speeds} <= set(RECIPES)
    assert len({(s.recipe, s.device, s.precision) for s in speeds}) == len(speeds)
    assert all(speed.images_per_second > 0 and speed.d2l > 0 and speed.steps > 0 for speed in speeds)
    assert list(SPEEDS.glob("*.json"))


def test_nothing_measured_says_how_to(tmp_path):
    with pytest.raises(ValueError, match="No speed is recorded in .*make bench"):
        load_speeds(tmp_path)


@pytest.mark.parametrize("changes", [{"recipes": {"lenet": {}}}, {"machine": {}}, {"recipes": None}])
def test_a_damaged_file_is_named(tmp_path, changes):
    written(tmp_path, **changes)
    with pytest.raises(ValueError, match=r"a-machine\.json holds no speeds"):
        load_speeds(tmp_path)
    (tmp_path / "a-machine.json").write_text("{")
    with pytest.raises(ValueError, match=r"a-machine\.json holds no speeds"):
        load_speeds(tmp_path)
