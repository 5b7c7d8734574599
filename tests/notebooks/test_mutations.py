"""A change of the package makes the comparison of its chapter fail, and not only through the source listings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
LENET = "d2lcnn/nets/lenet.py"
NIN = "d2lcnn/nets/nin.py"
ICS = "internal-covariate-shift"
BATCH_NORM, MOMENTS = "d2lcnn/layers/batch_norm.py", "d2lcnn/layers/moments.py"
MOBILENET = "d2lcnn/nets/mobilenet_v1.py"
DENSENET = "d2lcnn/nets/densenet.py"
VGG = "d2lcnn/nets/vgg.py"
RESNET = "d2lcnn/nets/resnet.py"
GOOGLENET = "d2lcnn/nets/googlenet.py"
NORMS, LAYERS = "normalization", "d2lcnn/layers"
VANISHING, INITIALIZERS = "vanishing-gradients", "d2lcnn/insight/initializers.py"
CHOOSING = "choosing-a-norm"

# Notebook, file of the package, text found there exactly once, text put in its place.
MUTATIONS = [
    ("lenet", LENET, "CONVS = ((6, 5, 2)", "CONVS = ((8, 5, 2)"),
    ("lenet", LENET, "nn.Module] = nn.AvgPool2d", "nn.Module] = nn.MaxPool2d"),
    ("lenet", LENET, "nn.Module] = nn.Sigmoid", "nn.Module] = nn.ReLU"),
    (ICS, BATCH_NORM, "var.flatten() * (values / (values - 1))", "var.flatten()"),
    (
        ICS,
        BATCH_NORM,
        "mean, var = moments(x, (0, *range(2, x.dim())))",
        "mean, var = moments(x, (0,))",
    ),
    (
        ICS,
        BATCH_NORM,
        "newest = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum",
        "newest = 1 / self.num_batches_tracked.item() if self.momentum is None else 1 - self.momentum",
    ),
    (ICS, BATCH_NORM, "bias = scale * (bias - mean)", "bias = -scale * mean"),
    (ICS, MOMENTS, "torch.rsqrt(widen(var) + eps)", "1 / (widen(var).sqrt() + eps)"),
    (ICS, MOMENTS, "torch.rsqrt(widen(var) + eps)", "torch.rsqrt(widen(var))"),
    (ICS, "d2lcnn/layers/whitening.py", " * (self.eigenvalues + self.eps).rsqrt()", ""),
    (ICS, "d2lcnn/insight/explore_sigmoid.py", "0.25 / np.cosh(0.5 * z) ** 2", "0.25 / np.cosh(z) ** 2"),
    (
        "lenet",
        "d2lcnn/insight/receptive_field.py",
        "* dilation * jump, jump * stride",
        "* dilation * jump, jump + stride",
    ),
    ("moving-figures", "d2lcnn/insight/explore_sigmoid.py", "0.25 / np.cosh", "0.26 / np.cosh"),
    (
        "moving-figures",
        "d2lcnn/insight/initializers.py",
        "std = gain / math.sqrt",
        "std = 1.01 * gain / math.sqrt",
    ),
    (NORMS, f"{LAYERS}/group_norm.py", "range(2, groups.dim())", "range(3, groups.dim())"),
    (NORMS, f"{LAYERS}/group_norm.py", "moments(x, (2, 3))", "moments(x, (0, 2, 3))"),
    (NORMS, f"{LAYERS}/layer_norm.py", "range(-count, 0)", "range(-1, 0)"),
    (
        NORMS,
        f"{LAYERS}/weight_standardization.py",
        "math.sqrt(weight[0].numel() - 1)",
        "math.sqrt(weight[0].numel())",
    ),
    (NORMS, f"{LAYERS}/weight_norm.py", "widen(v).flatten(1), dim=1)", "widen(v)).expand(len(v))"),
    (NORMS, f"{LAYERS}/cosine_norm.py", "row / length.clamp_min(eps)", "row / (length if rows else 1)"),
    (
        NORMS,
        f"{LAYERS}/filter_response_norm.py",
        "widen(x).square().mean(dim=(2, 3), keepdim=True)",
        "widen(x).var(dim=(2, 3), keepdim=True, correction=0)",
    ),
    ("densenet", DENSENET, "X = torch.cat((X, layer(X)), dim=1)", "X = torch.cat((layer(X), X), dim=1)"),
    ("densenet", DENSENET, "COURSE_GROWTH_RATE = 32", "COURSE_GROWTH_RATE = 24"),
    ("densenet", DENSENET, "BOTTLENECK_WIDTH = 4", "BOTTLENECK_WIDTH = 3"),
    ("densenet", DENSENET, "kept = int(channels * compression)", "kept = channels // 2"),
    ("mobilenet", f"{LAYERS}/depthwise.py", "groups=in_channels", "groups=1"),
    ("mobilenet", MOBILENET, "(512, 2), (512, 1),", "(512, 2),"),
    ("mobilenet", MOBILENET, 'layers["conv_act"] = activation_layer()', 'layers["conv_act"] = nn.ReLU6()'),
    ("mobilenet", MOBILENET, "int(full_width * width_mult)", "full_width"),
    (VANISHING, INITIALIZERS, 'mode, "leaky_relu")', 'mode, "linear")'),  # He without the 2
    (VANISHING, INITIALIZERS, "negative_slope, mode,", 'negative_slope, "fan_in",'),
    (VANISHING, INITIALIZERS, "math.sqrt(weight[0].numel())", "math.sqrt(weight[:, 0].numel())"),
    (VANISHING, INITIALIZERS, "fill(weight, gain))", "fill(weight, gain / 2**0.5))"),  # Xavier's 6 becomes 3
    (
        VANISHING,
        INITIALIZERS,
        "calculate_gain(activation,",
        'calculate_gain(activation.replace("tanh", "linear"),',
    ),
    (VANISHING, INITIALIZERS, "gain / math.sqrt(", "gain / ("),  # variance and deviation confused
    (VANISHING, INITIALIZERS, "-math.sqrt(3) * std, math.sqrt(3) * std", "-std, std"),
    (VANISHING, INITIALIZERS, "tensor.detach().var(correction=0)", "tensor.detach().std(correction=0)"),
    (VANISHING, "d2lcnn/training/loop.py", "xavier_uniform_(module.weight)", "xavier_normal_(module.weight)"),
    (VANISHING, "d2lcnn/insight/explore_depth.py", "z = activation(layer(z))", "z = layer(activation(z))"),
    (CHOOSING, "d2lcnn/nets/norm_resnet.py", "GROUPS = 4", "GROUPS = 2"),
    (CHOOSING, "d2lcnn/nets/norm_resnet.py", "nn.InstanceNorm2d\n", "one_group_norm\n"),
    (CHOOSING, BATCH_NORM, "mean, var = moments(x, (0, *range(2, x.dim())))", "mean, var = moments(x, (0,))"),
    (CHOOSING, f"{LAYERS}/group_norm.py", "moments(x, (2, 3))", "moments(x, (0, 2, 3))"),
    (
        CHOOSING,
        MOMENTS,
        "var = (x - mean).square().mean(dim=list(dim), keepdim=True)",
        "var = x.var(dim=list(dim), keepdim=True)",
    ),
    ("resnet", RESNET, "CIFAR_CHANNELS = (16, 32, 64)", "CIFAR_CHANNELS = (16, 32, 48)"),
    ("resnet", RESNET, "((depth - 2) // layers_per_n,)", "((depth + 4) // layers_per_n,)"),
    ("resnet", RESNET, "if option is None:", "if option is None and stride > 1:"),
    ("resnet", RESNET, "return nn.functional.relu(Y + X)", "return nn.functional.relu(Y)"),
    ("googlenet", GOOGLENET, "kernel_size: int = 5,", "kernel_size: int = 3,"),
    ("googlenet", GOOGLENET, "conv(c2[0], c2[1], 3)", "conv(c2[0], c2[1], 1)"),
    ("googlenet", GOOGLENET, "c3[0], 1), conv(c3[0], c3[1], kernel", "c3[1], 1), conv(c3[1], c3[1], kernel"),
    ("googlenet", GOOGLENET, "STEM_CHANNELS = (64, 64, 192)", "STEM_CHANNELS = (64, 64, 128)"),
    (
        "alexnet",
        "d2lcnn/nets/alexnet.py",
        "AlexNetConv(5, stride=1, padding=2, split=True",
        "AlexNetConv(5, stride=1, padding=2, split=False",
    ),
    ("alexnet", "d2lcnn/nets/alexnet_two_devices.py", "chunk(2)[i].clone()", "chunk(2)[1 - i].clone()"),
    ("alexnet", f"{LAYERS}/local_response_norm.py", "self.alpha / self.size * energy", "self.alpha * energy"),
    (
        "alexnet",
        f"{LAYERS}/color_noise.py",
        "(alpha * self.eigenvalues)",
        "(alpha * self.eigenvalues.sqrt())",
    ),
    ("vgg", VGG, "padding=item // 2", "padding=(item + 1) // 2"),
    (
        "vgg",
        VGG,
        '"C": ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1))',
        '"C": ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 3))',
    ),
    ("vgg", VGG, "alpha=5e-4", "alpha=1e-4"),
    ("vgg", VGG, "COURSE_CONV_ARCH = ((1, 16)", "COURSE_CONV_ARCH = ((2, 16)"),
    (
        "nin",
        NIN,
        "nn.Conv2d(hidden_channels, hidden_channels, kernel_size=1)",
        "nn.Conv2d(hidden_channels, hidden_channels, kernel_size=3, padding=1)",
    ),
    ("nin", NIN, "layers.append(activation_layer())", "layers.append(nn.Identity())"),
    ("nin", NIN, "NiNBlock(256, 5, 1, 2)", "NiNBlock(256, 3, 1, 1)"),
    ("nin", NIN, "nn.AdaptiveAvgPool2d((1, 1))", "nn.AdaptiveMaxPool2d((1, 1))"),
]


def copy_without_listings(notebook: str, folder: Path) -> None:
    """Copy the package and one notebook, without the cells that show the package's source."""
    shutil.copytree(ROOT / "d2lcnn", folder / "d2lcnn", ignore=shutil.ignore_patterns("__pycache__"))
    content = nbformat.read(ROOT / "book" / f"{notebook}.ipynb", as_version=4)
    content.cells = [cell for cell in content.cells if "listing" not in cell.metadata.get("tags", [])]
    nbformat.write(content, folder / f"{notebook}.ipynb")


def compare(notebook: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run nbval on a copied notebook with the copied package, up to the first difference."""
    nbval = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "--nbval",
        f"{notebook}.ipynb",
    ]
    return subprocess.run(
        [sys.executable, ROOT / "tools" / "notebook_env.py", *nbval],
        # Comes before the installed package.
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_control_passes(tmp_path: Path) -> None:
    """A copy in which nothing was changed passes.

    One notebook shows that; the comparison of all of them, which `make test` does anyhow, shows it for the others, since
    their listings do nothing but show (the rule listings_apart).
    """
    copy_without_listings("lenet", tmp_path)
    done = compare("lenet", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("notebook", "file", "old", "new"), MUTATIONS, ids=[f"{m[0]}: {m[3]}" for m in MUTATIONS]
)
def test_mutation_is_noticed(notebook: str, file: str, old: str, new: str, tmp_path: Path) -> None:
    copy_without_listings(notebook, tmp_path)
    source = (tmp_path / file).read_text(encoding="utf-8")
    assert source.count(old) == 1, (
        f"{file} has {old!r} {source.count(old)} times; mend the table of mutations"
    )
    (tmp_path / file).write_text(source.replace(old, new), encoding="utf-8")
    done = compare(notebook, tmp_path)
    # 1 is "tests failed"; anything else would be a run that broke down.
    assert done.returncode == 1, done.stdout + done.stderr
