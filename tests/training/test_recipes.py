"""The course's training runs as data."""

import pytest
import torch

from d2lcnn import RECIPES

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
    with torch.device("meta"):
        net = recipe.build().eval()
        assert net(torch.zeros(2, 1, recipe.resize, recipe.resize)).shape == (2, 10)
