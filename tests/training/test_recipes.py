"""The course's training runs as data."""

import pytest
import torch

from d2lcnn import RECIPES
from d2lcnn.nets.norm_resnet import NORMS
from d2lcnn.training.recipes import SWEEP_BATCH_SIZES

# Parameters, learning rate, batch size and image size of the runs that the course shares with d2l's second edition.
SHARED = {
    "lenet": (61_706, 0.9, 256, 28),
    "lenet_bn": (62_158, 1.0, 256, 28),
    "alexnet": (46_764_746, 0.01, 128, 224),
    "vgg11": (43_093_322, 0.05, 128, 224),
    "nin": (1_992_166, 0.1, 128, 224),
    "googlenet": (5_977_530, 0.1, 128, 96),
    "resnet18": (11_178_378, 0.05, 256, 96),
    "densenet": (758_226, 0.1, 256, 96),
    "mobilenet_v1": (3_216_650, 0.1, 256, 96),
}


@pytest.mark.parametrize("name", SHARED)
def test_settings_and_size(name):
    recipe = RECIPES[name]
    with torch.device("meta"):
        net = recipe.build()
    parameters = sum(p.numel() for p in net.parameters())
    assert (parameters, recipe.lr, recipe.batch_size, recipe.resize) == SHARED[name]
    assert recipe.num_epochs == 10
    assert recipe.settings()["data"] == "fashion_mnist"
    assert recipe.settings()["optimizer"] == "SGD"


@pytest.mark.parametrize("name", RECIPES)
def test_the_network_takes_the_recipe_s_images(name):
    recipe = RECIPES[name]
    channels = 3 if "cifar10" in recipe.settings()["data"] else 1
    with torch.device("meta"):
        net = recipe.build().eval()
        assert net(torch.zeros(2, channels, recipe.resize, recipe.resize)).shape == (2, 10)


def test_the_norm_comparison_differs_in_nothing_but_the_norm():
    settings = {norm: RECIPES[f"norm_{norm}"].settings() for norm in NORMS}
    assert {s.pop("build") for s in settings.values()} == {f"course_norm_net({norm!r})" for norm in NORMS}
    assert len({s.pop("about") for s in settings.values()}) == len(NORMS)
    shared = {
        "batch_size": 64,
        "resize": 32,
        "lr": 1e-3,
        "num_epochs": 5,
        "data": "cifar10",
        "optimizer": "Adam",
    }
    assert all(s == shared for s in settings.values())


@pytest.mark.parametrize("norm", NORMS)
def test_the_sweep_over_batch_sizes(norm):
    sweep = [RECIPES[f"norm_{norm}_batch{size}"].settings() for size in SWEEP_BATCH_SIZES]
    assert [s["batch_size"] for s in sweep] == [1, 2, 4, 16, 64, 256]
    assert [s["lr"] for s in sweep] == pytest.approx(
        [1e-3 * (size / 64) ** 0.5 for size in SWEEP_BATCH_SIZES]
    )
    assert {(s["build"], s["data"]) for s in sweep} == {
        (f"course_norm_net({norm!r})", "cifar10(subset=10000)")
    }
    assert all("10,000 training images" in s["about"] for s in sweep)
