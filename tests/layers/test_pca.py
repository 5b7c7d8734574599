"""PCA at work on pictures: AlexNet's colour noise, and whitening."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_sample_image
from sklearn.decomposition import PCA

from d2lcnn.layers.color_noise import PCAColorNoise
from d2lcnn.layers.whitening import Whitening

from .parity import randn


@pytest.fixture(scope="module")
def photograph():
    """China.jpg of scikit-learn, every fourth pixel, 3×H×W in [0, 1]."""
    return torch.tensor(load_sample_image("china.jpg")[::4, ::4]).movedim(-1, 0).double() / 255


def test_color_noise_finds_the_principal_components(photograph):
    noise = PCAColorNoise.fit(photograph[None])
    pca = PCA().fit(photograph.flatten(1).T.numpy())
    torch.testing.assert_close(noise.eigenvalues, torch.tensor(pca.explained_variance_))
    overlap = noise.eigenvectors.T @ torch.tensor(pca.components_).T
    torch.testing.assert_close(overlap.abs(), torch.eye(3, dtype=torch.float64))
    # The first direction of a photograph's colours is brightness: all three channels together.
    assert noise.eigenvalues[0] > 0.8 * noise.eigenvalues.sum()
    assert len(set(noise.eigenvectors[:, 0].sign().tolist())) == 1


def test_color_noise_has_the_papers_distribution():
    eigenvalues = torch.tensor([4.0, 1.0, 0.25], dtype=torch.float64)
    eigenvectors, _ = torch.linalg.qr(randn(3, 3))
    noise = PCAColorNoise(eigenvalues, eigenvectors)
    x = torch.zeros(20_000, 3, 2, 2, dtype=torch.float64)
    shift = noise(x)
    assert torch.equal(shift, shift[:, :, :1, :1].expand_as(shift))  # one colour per picture
    colors = shift[:, :, 0, 0] @ eigenvectors
    torch.testing.assert_close(colors.std(0), 0.1 * eigenvalues, rtol=0.03, atol=0)
    assert colors.mean(0).abs().max() < 0.01
    correlation = colors.T.corrcoef() - torch.eye(3, dtype=torch.float64)
    assert correlation.abs().max() < 0.03


def test_color_noise_depends_on_the_unit(photograph):
    x = photograph[None]
    torch.manual_seed(1)
    small = PCAColorNoise.fit(x)(x) - x
    torch.manual_seed(1)
    large = PCAColorNoise.fit(255 * x)(255 * x) - 255 * x
    torch.testing.assert_close(large, 255**2 * small)


def test_color_noise_draws_anew_for_one_image_and_rests_in_evaluation(photograph):
    noise = PCAColorNoise.fit(photograph[None].float())
    x = photograph.float()
    assert noise(x).shape == x.shape
    assert not torch.equal(noise(x), noise(x))
    assert torch.equal(noise.eval()(x), x)
    assert PCAColorNoise.fit(photograph[None], std=0.0)(photograph).equal(photograph)
    twin = PCAColorNoise(torch.zeros(3), torch.eye(3))
    twin.load_state_dict(noise.state_dict(), strict=True)
    # What comes in stays in its type and its memory format.
    batch = x[None].half().contiguous(memory_format=torch.channels_last)
    y = noise.train()(batch)
    assert y.dtype == torch.float16
    assert y.is_contiguous(memory_format=torch.channels_last)


def patches(photograph):
    """Rows of 4×4×3 numbers, cut from the photograph."""
    tiles = photograph.unfold(1, 4, 4).unfold(2, 4, 4)  # 3×h×w×4×4
    return tiles.movedim(0, 2).flatten(0, 1)  # hw×3×4×4


@pytest.mark.parametrize("zca", [False, True])
def test_whitened_pictures_have_the_identity_as_covariance(photograph, zca):
    x = patches(photograph)
    assert (x.flatten(1).T.corrcoef() - torch.eye(48)).abs().max() > 0.9  # pixels hang together
    z = Whitening(zca=zca).fit(x).transform(x)
    assert z.shape == (x.shape if zca else (len(x), 48))
    identity = torch.eye(48, dtype=torch.float64)
    torch.testing.assert_close(z.flatten(1).T.cov(), identity, atol=1e-8, rtol=0)
    assert z.mean(0).abs().max() < 1e-10


@pytest.mark.parametrize("zca", [False, True])
@pytest.mark.parametrize("eps", [0.0, 0.01])
def test_whitening_can_be_undone(photograph, zca, eps):
    x = patches(photograph)
    whitening = Whitening(zca=zca, eps=eps).fit(x)
    torch.testing.assert_close(whitening.inverse_transform(whitening.transform(x)), x)


def test_pca_whitening_is_scikit_learns(photograph):
    x = patches(photograph).flatten(1)
    ours = Whitening(num_components=5).fit(x).transform(x)
    theirs = torch.tensor(PCA(5, whiten=True, svd_solver="full").fit_transform(x.numpy()))
    torch.testing.assert_close(ours.abs(), theirs.abs())
    assert ours.shape == (len(x), 5)


def test_zca_is_nearest_to_the_data(photograph):
    x = patches(photograph).flatten(1)
    centred = x - x.mean(0)
    pca, zca = Whitening().fit(x).transform(x), Whitening(zca=True).fit(x).transform(x)
    assert (zca - centred).square().sum() < (pca - centred).square().sum()
    # Its matrix is symmetric, which makes it unique.
    whitening = Whitening(zca=True).fit(x)
    matrix = whitening.transform(whitening.mean + torch.eye(48, dtype=torch.float64))
    torch.testing.assert_close(matrix, matrix.T)


def test_eps_holds_back_small_directions():
    x = randn(500, 2) * torch.tensor([1.0, 1e-3])
    z = Whitening(eps=1e-2).fit(x).transform(x)
    deviations = z.std(0)
    assert 0.9 < deviations[0] < 1
    assert deviations[1] < 0.02


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 6), st.integers(0, 20), st.booleans())
def test_whitening_of_any_size(features, more, zca):
    x = randn(features + 10 + more, features) @ randn(features, features) + 7
    z = Whitening(zca=zca).fit(x).transform(x)
    covariance = z.T.cov().reshape(features, features)
    torch.testing.assert_close(covariance, torch.eye(features, dtype=torch.float64), atol=1e-5, rtol=0)


def test_float32_stays_float32():
    x = torch.randn(100, 3)
    whitening = Whitening().fit(x)
    assert whitening.transform(x).dtype == whitening.inverse_transform(x).dtype == torch.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PCAColorNoise(torch.ones(3), torch.eye(2)), r"shapes are \(2, 2\) and \(3,\)"),
        (lambda: PCAColorNoise(torch.ones(3), torch.eye(3), std=-1), "std must be at least 0"),
        (lambda: PCAColorNoise.fit(torch.rand(3, 8, 8)), "fit takes N×C×H×W.*unsqueeze"),
        (lambda: PCAColorNoise.fit(torch.rand(1, 3, 1, 1)), "at least 2 pixels and got 1"),
        (lambda: PCAColorNoise.fit(torch.zeros(2, 3, 4, 4, dtype=torch.uint8)), "floating-point"),
        (lambda: PCAColorNoise(torch.ones(3), torch.eye(3))(torch.zeros(1, 1, 4, 4)), r"3 channel\(s\)"),
        (lambda: Whitening(eps=-1), "eps must be at least 0"),
        (lambda: Whitening(num_components=0), "num_components must be at least 1"),
        (lambda: Whitening(num_components=9).fit(torch.randn(20, 3)), "at most the 3 features and is 9"),
        (lambda: Whitening(zca=True, num_components=2), "ZCA keeps all directions"),
        (lambda: Whitening().fit(torch.randn(1, 3)), "at least 2 samples"),
        (lambda: Whitening().fit(torch.randn(5, 9)), r"5 of 9 directions of these 5 samples have none"),
        (lambda: Whitening().transform(torch.randn(5, 3)), "not fitted yet"),
        (lambda: Whitening().inverse_transform(torch.randn(5, 3)), "not fitted yet"),
        (lambda: Whitening().fit(torch.randn(9, 3)).transform(torch.randn(5, 4)), r"samples of shape \(3,\)"),
    ],
)
def test_wrong_use(call, message):
    with pytest.raises(ValueError, match=message):
        call()
