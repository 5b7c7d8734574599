"""Batches: what they serve, in which order, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as TF
from hypothesis import given
from hypothesis import strategies as st

from d2lcnn.data import Batches, try_gpu


def numbered(n, batch_size=4, **kwargs):
    """Batches whose image i has the pixel value i and whose label is i."""
    images = torch.arange(n, dtype=torch.uint8).reshape(n, 1, 1, 1).expand(n, 1, 2, 3)
    return Batches(images, torch.arange(n), batch_size, device="cpu", **kwargs)


def labels_of(batches):
    return torch.cat([y for _, y in batches]).tolist()


@given(n=st.integers(1, 200), batch_size=st.integers(1, 250), shuffle=st.booleans())
def test_every_example_comes_once_per_epoch(n, batch_size, shuffle):
    batches = numbered(n, batch_size, shuffle=shuffle)
    parts = list(batches)
    assert len(parts) == len(batches)
    assert all(len(X) == len(y) == batch_size for X, y in parts[:-1])
    assert 1 <= len(parts[-1][1]) <= batch_size
    for X, y in parts:
        assert torch.equal((X * 255).round().long()[:, 0, 0, 0], y)  # images keep their labels
    labels = labels_of(batches)
    assert sorted(labels) == list(range(n))
    if not shuffle:
        assert labels == list(range(n))


def test_scaling_is_that_of_torchvision():
    images = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    ((X, y),) = Batches(images, torch.tensor([0]), 8, device="cpu")
    assert X.dtype == torch.float32
    assert y.dtype == torch.int64
    assert torch.equal(X[0], TF.to_tensor(TF.to_pil_image(images[0])))


def test_the_global_seed_fixes_the_order_and_a_saved_state_continues_it():
    batches = numbered(50, shuffle=True)
    torch.manual_seed(3)
    first, state, second = labels_of(batches), torch.get_rng_state(), labels_of(batches)
    assert first != second
    assert first != list(range(50))
    torch.manual_seed(3)
    assert labels_of(batches) == first
    torch.set_rng_state(state)
    assert labels_of(batches) == second
    torch.manual_seed(3)
    assert first == torch.randperm(50).tolist()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_order_and_the_pixels_are_the_same_on_a_gpu():
    images, labels = torch.randint(0, 256, (50, 3, 20, 20), dtype=torch.uint8), torch.arange(50)
    epochs = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(0)
        epochs.append(list(Batches(images, labels, 7, resize=33, shuffle=True, device=device)))
    for (X, y), (X_gpu, y_gpu) in zip(*epochs, strict=True):
        assert X_gpu.is_cuda
        assert torch.equal(y, y_gpu.cpu())
        torch.testing.assert_close(X, X_gpu.cpu(), atol=1e-6, rtol=0)


def test_several_iterators_at_once_do_not_disturb_each_other():
    batches = numbered(10, 3)
    pairs = list(zip(batches, batches, strict=True))
    assert all(torch.equal(a[1], b[1]) for a, b in pairs)
    assert len(pairs) == 4


def test_changing_a_batch_in_place_leaves_the_data_as_it_is():
    batches = numbered(6)
    for X, y in batches:
        X.zero_()
        y.zero_()
    assert labels_of(batches) == list(range(6))
    assert float(next(iter(batches))[0].max()) > 0


@pytest.mark.parametrize(("resize", "shape"), [(None, (2, 3)), (5, (5, 5)), ((4, 6), (4, 6))])
def test_resizing_happens_in_the_batch_and_the_store_stays_small(resize, shape):
    batches = numbered(9, resize=resize)
    assert next(iter(batches))[0].shape == (4, 1, *shape)
    assert batches.images.shape == (9, 1, 2, 3)
    assert batches.images.nbytes == 9 * 6


def test_hold_out_parts_the_set_the_same_way_each_time_and_leaves_the_global_generator():
    batches = numbered(20, shuffle=True, name="numbers")
    torch.manual_seed(0)
    before = torch.get_rng_state()
    rest, held = batches.hold_out(6, seed=1)
    assert torch.equal(before, torch.get_rng_state())
    assert sorted(labels_of(rest) + labels_of(held)) == list(range(20))
    assert (rest.num_examples, held.num_examples) == (14, 6)
    assert (rest.shuffle, held.shuffle) == (True, False)
    assert rest.classes == held.classes == batches.classes
    assert labels_of(batches.hold_out(6, seed=1)[1]) == labels_of(held)
    assert labels_of(batches.hold_out(6, seed=2)[1]) != labels_of(held)
    assert rest.name != batches.name  # a record must not call the rest the whole


@pytest.mark.parametrize("n", [0, -1, 20, 21, 2.0, True])
def test_hold_out_refuses_a_number_out_of_range(n):
    with pytest.raises(ValueError, match="hold out must be"):
        numbered(20).hold_out(n)


IMAGES = torch.zeros(4, 1, 2, 2, dtype=torch.uint8)
LABELS = torch.arange(4)


@pytest.mark.parametrize(
    ("images", "labels", "kwargs", "message"),
    [
        (IMAGES.float(), LABELS, {}, r"uint8 tensor N×C×H×W.*float32"),
        (IMAGES[0], LABELS, {}, r"uint8 tensor N×C×H×W.*\(1, 2, 2\)"),
        (IMAGES[:0], LABELS[:0], {}, "non-empty"),
        (IMAGES.numpy(), LABELS, {}, "torch.from_numpy"),
        (IMAGES, [0, 1, 2, 3], {}, "must be torch tensors.*list"),
        (IMAGES, LABELS.float(), {}, "whole class numbers; got torch.float32"),
        (IMAGES, LABELS.bool(), {}, "whole class numbers; got torch.bool"),
        (IMAGES, LABELS[:3], {}, "one label per image"),
        (IMAGES, LABELS.unsqueeze(1), {}, "one label per image"),
        (IMAGES, LABELS - 1, {}, "from 0 to 2; these lie between -1 and 2"),
        (IMAGES, LABELS, {"classes": ("a", "b", "c")}, "from 0 to 2; these lie between 0 and 3"),
        (IMAGES, LABELS, {"batch_size": 0}, "batch_size must be at least 1; got 0"),
        (IMAGES, LABELS, {"batch_size": -5}, "batch_size must be at least 1; got -5"),
        (IMAGES, LABELS, {"batch_size": 2.0}, "batch_size must be a whole number, at least 1; got 2.0"),
        (IMAGES, LABELS, {"batch_size": True}, "whole number.*True"),
        (IMAGES, LABELS, {"batch_size": None}, "whole number.*None"),
        (IMAGES, LABELS, {"resize": 0}, "resize.*at least 1; got 0"),
        (IMAGES, LABELS, {"resize": (4, -4)}, "resize.*at least 1; got -4"),
    ],
)
def test_bad_input_is_refused(images, labels, kwargs, message):
    with pytest.raises(ValueError, match=message):
        Batches(images, labels, **{"batch_size": 2, "device": "cpu", **kwargs})


def test_labels_of_other_integer_types_and_numpy_numbers_are_taken():
    batches = Batches(IMAGES, LABELS.to(torch.uint8), np.int64(3), classes=list("abcdef"), device="cpu")
    assert batches.labels.dtype == torch.int64
    assert (batches.num_classes, batches.classes) == (6, tuple("abcdef"))


def test_try_gpu_takes_what_is_there(monkeypatch):
    def machine(cuda, mps):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    machine(cuda=2, mps=False)
    assert (try_gpu(), try_gpu(1), try_gpu(2)) == tuple(map(torch.device, ("cuda:0", "cuda:1", "cpu")))
    machine(cuda=0, mps=True)
    assert try_gpu() == torch.device("mps")
    machine(cuda=0, mps=False)
    assert try_gpu() == torch.device("cpu")
    for i in (-1, 0.0, True, "0"):
        with pytest.raises(ValueError, match="number of a GPU"):
            try_gpu(i)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.int16])
def test_labels_of_any_integer_type(dtype):
    batches = Batches(IMAGES, LABELS.to(dtype), 2, device="cpu")
    assert batches.labels.dtype == torch.int64
    assert torch.equal(batches.labels, LABELS)
