"""`d2lcnn predict`."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import d2lcnn
from d2lcnn.cli.predict import as_training_image
from d2lcnn.data.digits import read_digits


@pytest.fixture(autouse=True)
def _in_fast_mode(fast):
    pass


@pytest.fixture
def pictures(tmp_path):
    """Two test images as files, one of them in colour with the camera held upside down."""
    digits = read_digits(28, 1).test_images[:2, 0].numpy()
    Image.fromarray(digits[0]).save(tmp_path / "grey.png")
    colour = Image.fromarray(np.rot90(digits[1], 2).copy()).convert("RGB")
    turned = Image.Exif()
    turned[0x0112] = 3  # orientation: by half a turn
    colour.save(tmp_path / "colour.png", exif=turned)
    return tmp_path / "grey.png", tmp_path / "colour.png"


def test_files_are_seen_as_the_test_images_are(d2lcnn_, finished, pictures):
    outcome = d2lcnn_("predict", finished, *pictures, "--top", 10, "--json", "--device", "cpu")
    assert outcome.status == 0, outcome.err
    net = d2lcnn.RECIPES["lenet_relu_max"].build().eval()
    net.load_state_dict(torch.load(finished / "weights.pt", weights_only=True))
    with torch.no_grad():
        expected = net(read_digits(28, 1).test_images[:2].float() / 255).softmax(dim=1)
    for row, path, probabilities in zip(outcome.json, pictures, expected, strict=True):
        assert row["image"] == str(path)
        found = {guess["class"]: guess["probability"] for guess in row["predictions"]}
        assert [found[str(i)] for i in range(10)] == pytest.approx(probabilities.tolist(), abs=1e-6)
        values = [guess["probability"] for guess in row["predictions"]]
        assert values == sorted(values, reverse=True)


def test_an_image_passes_through_the_size_of_the_data():
    fine = torch.randint(0, 256, (3, 300, 200), dtype=torch.uint8)
    small = d2lcnn.resize_images(fine[None], 32).round().to(torch.uint8)
    data = d2lcnn.Batches(small, torch.tensor([0]), 1, resize=96, device="cpu")
    assert torch.equal(as_training_image(fine, [3, 32, 32], 96), next(iter(data))[0])


def test_an_unreadable_image_is_named_and_the_others_are_predicted(d2lcnn_, finished, pictures, tmp_path):
    broken, missing, deep = tmp_path / "broken.png", tmp_path / "missing.png", tmp_path / "deep.png"
    broken.write_bytes(pictures[0].read_bytes()[:60])
    Image.fromarray(np.zeros((8, 8), dtype=np.uint16)).save(deep)
    outcome = d2lcnn_(
        "predict", finished, broken, missing, pictures[0], tmp_path, deep, pictures[1], "--top", 1
    )
    assert outcome.status == 1
    assert [line.split(":")[0] for line in outcome.out.splitlines()] == [str(path) for path in pictures]
    errors = outcome.err.splitlines()
    assert [line.partition(" the image ")[2].split(":")[0] for line in errors] == [
        str(path) for path in (broken, missing, tmp_path, deep)
    ]
    assert "No such file" in errors[1]
    assert "more than 8 bits" in errors[3]
    rows = d2lcnn_("predict", finished, missing, pictures[0], "--json").json
    assert rows[0].keys() == {"image", "error"}
    assert len(rows[1]["predictions"]) == 3


def test_scores_that_are_no_numbers_are_named(d2lcnn_, finished, pictures, tmp_path):
    folder = tmp_path / "spoiled"
    shutil.copytree(finished, folder)
    weights = torch.load(folder / "weights.pt", weights_only=True)
    weights["output.bias"].fill_(torch.nan)
    torch.save(weights, folder / "weights.pt")
    outcome = d2lcnn_("predict", folder, pictures[0])
    assert outcome.status == 1
    assert outcome.out == ""
    assert f"The network in {folder} gives scores that are infinite or no numbers" in outcome.err


def test_wrong_commands(d2lcnn_, finished, pictures, tmp_path):
    assert d2lcnn_("predict", finished).status == 2
    assert d2lcnn_("predict", finished, pictures[0], "--top", 0).status == 2
    outcome = d2lcnn_("predict", finished, pictures[0], "--top", 11)
    assert outcome.status == 1
    assert "at most 10, the number of classes; got 11" in outcome.err
    assert "No training run lies in" in d2lcnn_("predict", tmp_path / "nowhere", pictures[0]).err
