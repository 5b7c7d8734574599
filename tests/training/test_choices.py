"""The keyword-only choices of a training run: each does what it says, and none of them changes the plain call."""

import functools
import math

import pytest
import torch
from torch import nn

import d2lcnn
from d2lcnn import train_ch6
from d2lcnn.training.devices import device_name
from d2lcnn.training.metrics import Totals


def one_step(net, X, y, lr=0.5, **choices):
    """Train on one batch once."""
    return train_ch6(net, [(X, y)], [(X, y)], 1, lr, "cpu", init_weights=None, progress=False, **choices)


def twins():
    torch.manual_seed(0)
    net, twin = nn.Linear(4, 3), nn.Linear(4, 3)
    twin.load_state_dict(net.state_dict())
    return net, twin, torch.randn(8, 4), torch.arange(8) % 3


def test_label_smoothing_is_cross_entropy_with_softened_targets():
    net, twin, X, y = twins()
    history = one_step(net, X, y, label_smoothing=0.3)
    targets = 0.7 * nn.functional.one_hot(y, 3) + 0.1
    loss = -(targets * twin(X).log_softmax(1)).sum(1).mean()
    loss.backward()
    assert history.train_loss[0] == pytest.approx(loss.item(), rel=1e-6)
    assert torch.allclose(net.weight, twin.weight - 0.5 * twin.weight.grad, atol=1e-6)


def test_clipping_shortens_a_long_gradient_and_leaves_a_short_one():
    net, twin, X, y = twins()
    nn.functional.cross_entropy(twin(X), y).backward()
    norm = torch.cat([p.grad.flatten() for p in twin.parameters()]).norm().item()
    before = net.weight.detach().clone()
    one_step(net, X, y, clip_norm=norm / 4)
    assert torch.allclose(net.weight, before - 0.5 * twin.weight.grad / 4, atol=1e-6)
    with torch.no_grad():
        net.load_state_dict(twin.state_dict())
    one_step(net, X, y, clip_norm=norm * 4)
    assert torch.allclose(net.weight, before - 0.5 * twin.weight.grad, atol=1e-6)


def test_augment_sees_the_training_batches_only():
    seen = []

    def note(images):
        seen.append(len(images))
        return images * 0

    net, twin, X, y = twins()
    history = train_ch6(net, [(X, y)] * 3, [(X, y)], 2, 0.0, "cpu", augment=note, init_weights=None)
    assert seen == [8] * 6
    zeros = nn.functional.cross_entropy(twin(X * 0), y).item()
    assert history.train_loss[0] == pytest.approx(zeros, rel=1e-6)
    assert history.test_loss[0] == pytest.approx(nn.functional.cross_entropy(twin(X), y).item(), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("label_smoothing", -0.1, "label_smoothing must be at least 0 and below 1, got -0.1"),
        ("label_smoothing", 1, "label_smoothing must be"),
        ("clip_norm", 0, "clip_norm must be a finite number above 0"),
        ("clip_norm", math.inf, "clip_norm must be"),
        ("sync_batch_norm", True, "several processes on GPUs; this is 1 process"),
    ],
)
def test_out_of_range(name, value, message):
    net, _, X, y = twins()
    with pytest.raises(ValueError, match=message):
        one_step(net, X, y, **{name: value})


def test_bfloat16_runs_in_channels_last_with_a_fused_optimizer_and_float32_in_neither(monkeypatch):
    layouts, fused = [], []
    plain = torch.optim.SGD.step

    def step(self, *args, **kwargs):
        fused.append(self.param_groups[0]["fused"])
        return plain(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.SGD, "step", step)
    X, y = torch.randn(4, 3, 8, 8), torch.arange(4) % 2
    for precision in ("bfloat16", "float32"):
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2))
        net[0].register_forward_hook(
            lambda module, inputs, output: layouts.append(
                output.is_contiguous(memory_format=torch.channels_last) and not output.is_contiguous()
            )
        )
        one_step(net, X, y, precision=precision)
    assert layouts == [True, True, False, False]  # training and test, of each
    assert fused == [True, None]


def test_momentum_and_weight_decay_come_by_a_partial():
    net, twin, X, y = twins()
    before = net.weight.detach().clone()
    one_step(net, X, y, optimizer=functools.partial(torch.optim.SGD, weight_decay=0.1, momentum=0.9))
    nn.functional.cross_entropy(twin(X), y).backward()
    assert torch.allclose(net.weight, before - 0.5 * (twin.weight.grad + 0.1 * before), atol=1e-6)


# The first compiles as far as PyTorch's own operations; on a machine that has compiled nothing yet the second takes half a
# minute.
@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.weekly)])
def test_a_compiled_run_learns_the_same(backend, monkeypatch):
    networks, usual = [], torch.compile

    def chosen(net, **options):
        networks.append(net)
        return usual(net, backend=backend, **options)

    monkeypatch.setattr(torch, "compile", chosen)
    images = torch.randint(0, 256, (64, 1, 28, 28), dtype=torch.uint8)
    data = d2lcnn.Batches(images, torch.arange(64) % 10, 32, device="cpu")

    def losses(**choices):
        torch.manual_seed(0)  # biases are drawn when the network is built
        return train_ch6(d2lcnn.lenet(), data, data, 2, 0.5, "cpu", seed=1, **choices).train_loss

    assert losses(compile=True) == pytest.approx(losses(), rel=1e-5)
    assert len(networks) == 1


# ------------------------------------------------------------------------------------------------- sums


@pytest.mark.parametrize("batches", [1, 31, 32, 33, 70])
def test_totals_are_the_sums_of_all_batches_whenever_they_are_read(batches):
    generator = torch.Generator().manual_seed(batches)
    totals, loss_sum, hits, examples = Totals(torch.device("cpu")), 0.0, 0, 0
    for i in range(batches):
        n = 1 + i % 5
        scores, y = torch.randn(n, 3, generator=generator), torch.arange(n) % 3
        loss = torch.rand((), generator=generator)
        totals.add(loss, scores, y)
        loss_sum += loss.item() * n
        hits += int((scores.argmax(1) == y).sum())
        examples += n
        if i % 20 == 7:
            totals.read()
    assert totals.read() == (pytest.approx(loss_sum / examples), hits / examples, True)


@pytest.mark.parametrize("bad", [1, 32, 33, 70])
def test_totals_name_the_first_bad_step(bad):
    totals = Totals(torch.device("cpu"))
    for step in range(1, 81):
        totals.add(torch.tensor(math.nan if step >= bad else 1.0), torch.eye(2), torch.tensor([0, 1]))
    assert totals.first_bad_step == bad
    assert not totals.read()[2]


# ------------------------------------------------------------------------------------------------- memory


class Hungry(nn.Module):
    """Takes so many images and no more."""

    def __init__(self, fits, error):
        super().__init__()
        self.linear, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)
        self.fits, self.error = fits, error

    def forward(self, x):
        out = self.norm(self.linear(x))
        if len(x) > self.fits:
            raise self.error
        return out


CPU_ERROR = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory\nmore"
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (CPU_ERROR, MemoryError),
        (torch.cuda.OutOfMemoryError("CUDA out of memory."), torch.cuda.OutOfMemoryError),
        (MemoryError(), MemoryError),
    ],
)
def test_a_step_that_does_not_fit_says_which_batch_would(error, kind):
    X, y = torch.randn(16, 4), torch.arange(16) % 4
    net = Hungry(5, error)
    with pytest.raises(kind, match=r"16 images of \(4,\) \(epoch 1, step 1\).*batch_size=4"):
        one_step(net, X, y)
    assert net.norm.num_batches_tracked == 1  # the trials' batches are not counted
    with pytest.raises(kind, match="No smaller batch fits either"):
        one_step(Hungry(0, error), X, y)


def test_another_error_is_not_taken_for_one_of_memory():
    with pytest.raises(ValueError, match="cannot take the first batch"):
        one_step(Hungry(5, RuntimeError("shapes")), torch.randn(16, 4), torch.arange(16) % 4)


# ------------------------------------------------------------------------------------------------- files


def test_two_runs_on_one_checkpoint(tmp_path):
    path = tmp_path / "run" / "state.pt"
    net, _, X, y = twins()

    class Nested(list):
        def __iter__(self):
            with pytest.raises(OSError, match="Another run is writing the checkpoint"):
                one_step(nn.Linear(4, 3), X, y, checkpoint=path)
            return super().__iter__()

    data = Nested([(X, y)])
    train_ch6(net, data, [(X, y)], 1, 0.1, "cpu", checkpoint=path)
    assert [p.name for p in path.parent.iterdir()] == ["state.pt"]


def test_a_folder_that_cannot_be_written_is_known_before_training(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    net, _, X, y = twins()
    before = net.weight.detach().clone()
    with pytest.raises(OSError, match="Nothing was trained yet"):
        one_step(net, X, y, checkpoint=tmp_path / "file" / "state.pt")
    assert torch.equal(net.weight, before)


def test_a_disk_that_is_full_for_a_while_costs_nothing(tmp_path, monkeypatch):
    path = tmp_path / "state.pt"
    save, calls = torch.save, []

    def fails_once(state, file):
        calls.append(len(state["history"]["test_acc"]))
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        save(state, file)

    monkeypatch.setattr(torch, "save", fails_once)
    net, _, X, y = twins()
    with pytest.warns(RuntimeWarning, match="of epoch 2 could not be written.*No space left"):
        history = train_ch6(net, [(X, y)], [(X, y)], 3, 0.1, "cpu", checkpoint=path)
    assert len(history) == 3
    assert calls == [1, 2, 3]
    assert len(torch.load(path, weights_only=True)["history"]["test_acc"]) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]


def test_batch_norms_that_cannot_be_synchronized_are_named():
    net = nn.Sequential(nn.Linear(4, 3), d2lcnn.BatchNorm1d(3))
    with pytest.raises(
        ValueError, match=r"has BatchNorm1d of d2lcnn. Build it with norm_layer=nn.BatchNorm1d"
    ):
        one_step(net, torch.randn(8, 4), torch.arange(8) % 3, sync_batch_norm=True)


@pytest.mark.parametrize(("threads", "words"), [(1, ", 1 thread"), (2, ", 2 threads")])
def test_a_processor_is_named_with_its_threads(monkeypatch, threads, words):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert device_name(torch.device("cpu")).endswith(words)
