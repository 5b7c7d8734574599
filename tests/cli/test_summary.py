"""`d2lcnn summary`."""

import pytest

from d2lcnn import layer_table, nets
from d2lcnn.cli.summary import networks
from d2lcnn.training.recipes import RECIPES


@pytest.mark.parametrize(
    ("name", "image", "parameters"),
    [
        ("resnet18", [3, 224, 224], 11_689_512),  # torchvision's
        ("course_resnet18", [1, 96, 96], 11_178_378),
        ("lenet", [1, 28, 28], 61_706),
        ("lenet5", [1, 32, 32], None),
        ("cifar_resnet", [3, 32, 32], 269_722),
        ("norm_bn", [3, 32, 32], None),
        ("MobileNetV1", [1, 96, 96], 3_216_650),
    ],
)
def test_a_network_is_shown_on_what_it_was_made_for(d2lcnn_, name, image, parameters):
    outcome = d2lcnn_("summary", name, "--json")
    assert outcome.status == 0, outcome.err
    result = outcome.json
    assert result["input"] == image
    build = getattr(nets, name, None) or RECIPES[name].build
    table = layer_table(build(), (1, *image))
    assert [row["name"] for row in result["layers"]] == [row.name for row in table]
    assert result["parameters"] == sum(row.parameters for row in table)
    assert result["multiply_adds"] == sum(row.multiply_adds for row in table)
    assert parameters in (None, result["parameters"])


def test_the_table_on_another_image(d2lcnn_):
    outcome = d2lcnn_("summary", "resnet18", "--input", 3, 64, 32)
    assert (
        outcome.out == f"resnet18 on one image of 3×64×32\n{layer_table(nets.resnet18(), (1, 3, 64, 32))}\n"
    )
    # The recipe of this name trains another one, and the reader is told.
    assert "d2lcnn summary course_resnet18" in outcome.err
    assert d2lcnn_("summary", "lenet").err == ""


def test_every_network_of_a_recipe_has_a_name():
    known = networks()
    assert all(recipe.build in known.values() for recipe in RECIPES.values())
    assert "digit_codes" not in known
    assert {"vgg16_bn", "densenet161", "mobilenet_v3_small", "googlenet"} <= set(known)


def test_what_cannot_be_shown(d2lcnn_):
    outcome = d2lcnn_("summary", "resnet_block")
    assert outcome.status == 1
    assert "no network 'resnet_block' that can be built without arguments" in outcome.err
    assert "resnet18" in outcome.err
    outcome = d2lcnn_("summary", "lenet", "--input", 3, 28, 28)
    assert outcome.status == 1
    assert "lenet cannot take an image of 3×28×28" in outcome.err
    assert "--input C H W" in outcome.err
    assert d2lcnn_("summary", "lenet", "--input", 0, 28, 28).status == 2
    assert d2lcnn_("summary", "lenet", "--input", 28, 28).status == 2
