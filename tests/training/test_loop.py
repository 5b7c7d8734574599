"""The training loop: its choices, its errors, and what an interruption leaves."""

import math
import signal
import subprocess
import sys
import textwrap

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import d2lcnn
from d2lcnn import DivergedError, train_ch6


def toy(n=40, classes=4, batch_size=8, seed=1):
    """Linearly separable data: class k has a large k-th feature."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % classes
    features = torch.randn(n, classes, generator=generator) * 0.1
    features[torch.arange(n), labels] += 1
    return DataLoader(TensorDataset(features, labels), batch_size=batch_size)


def fit(net=None, data=None, test=None, epochs=2, lr=0.5, **choices):
    data = toy() if data is None else data
    return train_ch6(
        net or nn.Linear(4, 4), data, data if test is None else test, epochs, lr, "cpu", **choices
    )


def test_it_learns_and_a_learning_rate_of_zero_does_not():
    assert fit(epochs=30).test_acc[-1] == 1.0
    net = nn.Linear(4, 4)
    before = net.weight.clone()
    still = fit(net, epochs=3, lr=0, init_weights=None)
    assert torch.equal(net.weight, before)
    assert still.train_loss[0] == pytest.approx(still.train_loss[2])


def test_init_weights():
    net = nn.Sequential(nn.Linear(4, 4))
    with torch.no_grad():
        net[0].weight.fill_(7)
    fit(net, lr=0, init_weights=None)
    assert net[0].weight.unique().tolist() == [7]
    fit(net, lr=0)
    assert net[0].weight.abs().max() < 1
    fit(net, lr=0, init_weights=lambda m: nn.init.ones_(m.weight) if hasattr(m, "weight") else None)
    assert net[0].weight.unique().tolist() == [1]


def test_seed_governs_weights_dropout_and_shuffling():
    images = torch.randint(0, 256, (64, 1, 4, 4), dtype=torch.uint8)
    data = d2lcnn.Batches(images, torch.arange(64) % 4, 8, shuffle=True, device="cpu")

    def run(seed, drawn_before):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(16, 16), nn.Dropout(), nn.Linear(16, 4))
        torch.rand(drawn_before)  # must not matter
        return fit(net, data, seed=seed).train_loss

    assert run(1, drawn_before=0) == run(1, drawn_before=5)
    assert run(1, drawn_before=0) != run(2, drawn_before=0)


def test_precision(monkeypatch):
    from d2lcnn.training import devices

    seen = []
    net = nn.Linear(4, 4)
    net.register_forward_hook(lambda m, i, output: seen.append(output.dtype))
    assert fit(net, precision="bfloat16").precision == "bfloat16"
    assert set(seen) == {torch.bfloat16}
    assert net.weight.dtype == torch.float32
    monkeypatch.setattr(devices, "_cpu_flags", lambda: {"avx2"})
    assert fit(precision="auto").precision == "float32"
    monkeypatch.setattr(devices, "_cpu_flags", lambda: {"avx2", "amx_bf16"})
    assert fit(precision="auto").precision == "bfloat16"
    with pytest.raises(ValueError, match=r"precision must be one of .*got 'half'"):
        fit(precision="half")


def test_bfloat16_learns_as_well():
    assert fit(epochs=30, precision="bfloat16").test_acc[-1] == 1.0


def test_validation_is_measured_each_epoch():
    net, held_out = nn.Linear(4, 4), toy(12, seed=2)
    history = fit(net, epochs=3, lr=0, init_weights=None, validation=held_out)
    X, y = (torch.cat(parts) for parts in zip(*held_out))
    loss = nn.functional.cross_entropy(net(X), y).item()
    assert history.validation_loss == pytest.approx([loss] * 3)
    assert history.validation_acc == [d2lcnn.evaluate_accuracy_gpu(net, held_out)] * 3
    assert history.test_loss != pytest.approx(history.validation_loss, rel=1e-3)
    assert fit().validation_acc == []


def test_optimizer_is_called_with_parameters_and_rate():
    history = fit(epochs=40, lr=0.05, optimizer=torch.optim.Adam)
    assert history.test_acc[-1] == 1.0
    # Adam's first step has the length of the learning rate in each coordinate; SGD's would be smaller.
    net = nn.Linear(4, 4)
    before = net.weight.clone()
    fit(net, [next(iter(toy()))], toy(), epochs=1, lr=0.05, optimizer=torch.optim.Adam, init_weights=None)
    assert (net.weight - before).abs().max().item() == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize("batches", [1, 2, 3, 4, 7])
def test_any_number_of_batches(batches):
    history = fit(data=toy(n=8 * batches))
    assert history.examples == [8 * batches] * 2


def test_the_last_short_batch_counts_by_its_size():
    data = [(torch.eye(4), torch.arange(4)), (torch.eye(4)[:1], torch.tensor([1]))]
    net = nn.Linear(4, 4)
    history = fit(net, data, epochs=1, lr=0, init_weights=None)
    with torch.no_grad():
        logits = net(torch.cat([X for X, _ in data]))
    expected = nn.functional.cross_entropy(logits, torch.cat([y for _, y in data])).item()
    assert history.train_loss[0] == pytest.approx(expected, rel=1e-6)
    assert history.test_loss[0] == pytest.approx(expected, rel=1e-6)


def test_times_and_rates():
    history = fit(epochs=2)
    assert len(history.seconds) == len(history.compute_seconds) == len(history.evaluation_seconds) == 2
    assert all(0 < c <= s for c, s in zip(history.compute_seconds, history.seconds))
    assert history.examples_per_second == pytest.approx(80 / sum(history.seconds))
    assert history.compute_examples_per_second >= history.examples_per_second


def test_the_speed_end_to_end_counts_a_slow_loader_and_the_one_of_compute_does_not():
    import time

    class Slow(list):
        def __iter__(self):
            for item in super().__iter__():
                time.sleep(0.05)
                yield item

    data = Slow(toy())
    history = fit(data=data, test=toy(), epochs=1)
    assert history.seconds[0] > 0.25
    assert history.compute_seconds[0] < 0.2


def test_fast_mode_caps_the_epochs_of_the_courses_loaders_only(monkeypatch):
    monkeypatch.setenv("D2LCNN_FAST", "1")
    train_iter, test_iter = d2lcnn.load_data_fashion_mnist(256)
    history = train_ch6(d2lcnn.lenet(), train_iter, test_iter, 10, 0.9, "cpu")
    assert history.fast
    assert len(history) == history.num_epochs == d2lcnn.data.fast.FAST_EPOCHS
    assert len(fit(epochs=5)) == 5


def test_progress_is_quiet_unless_someone_watches(capsys):
    fit()
    assert capsys.readouterr() == ("", "")
    fit(progress=True)
    shown = capsys.readouterr().err
    assert "10/10" in shown
    assert "loss=" in shown
    fit(progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_long_run_says_first_how_long_it_will_take(capsys, monkeypatch):
    from d2lcnn.training import progress

    fit(progress=True)
    assert "will take" not in capsys.readouterr().err
    monkeypatch.setattr(progress, "WORTH_SAYING", 0)
    fit(progress=True)
    printed = capsys.readouterr()
    assert printed.err.count("Training will take about 0 min here") == 1
    assert printed.out == ""


# ------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("epochs", [0, -1, 1.5, True, "3"])
def test_number_of_epochs(epochs):
    with pytest.raises(ValueError, match="num_epochs must be a whole number of at least 1, got"):
        fit(epochs=epochs)


@pytest.mark.parametrize("lr", [-0.1, math.nan, math.inf, "0.1", None])
def test_learning_rate(lr):
    with pytest.raises(ValueError, match="lr must be a finite number of at least 0, got"):
        fit(lr=lr)


def test_empty_loaders():
    with pytest.raises(ValueError, match="no batch in epoch 1"):
        fit(data=[], test=toy())
    with pytest.raises(ValueError, match="nothing to evaluate"):
        fit(test=[])
    with pytest.raises(ValueError, match="no batch in epoch 2.*generator"):
        fit(data=(batch for batch in toy()), test=toy())


def test_labels_out_of_range_name_epoch_and_step():
    good = (torch.eye(4), torch.arange(4))
    for bad in (4, -1):
        data = [good, (torch.eye(4), torch.tensor([0, 1, 2, bad]))]
        with pytest.raises(ValueError, match=r"0 … 3.*epoch 1, step 2"):
            fit(data=data)
    images = torch.zeros(12, 1, 2, 2, dtype=torch.uint8)
    batches = d2lcnn.Batches(images, torch.arange(12), 4, device="cpu")
    with pytest.raises(ValueError, match=r"0 … 3.*epoch 1, step 1"):
        fit(nn.Sequential(nn.Flatten(), nn.Linear(4, 4)), batches)


def test_labels_of_the_wrong_kind():
    with pytest.raises(ValueError, match="int64"):
        fit(data=[(torch.eye(4), torch.zeros(4))])
    with pytest.raises(ValueError, match="argmax"):
        fit(data=[(torch.eye(4), torch.eye(4).long())])
    with pytest.raises(ValueError, match="a label for each, got 4 and 3"):
        fit(data=[(torch.eye(4), torch.arange(3))])


def test_wrong_channels_and_sizes_name_the_shape():
    data = [(torch.zeros(2, 3, 28, 28), torch.tensor([0, 1]))]
    with pytest.raises(
        ValueError, match=r"epoch 1, step 1.*\(2, 3, 28, 28\).*takes 1 channel.*built for 1 channel"
    ):
        fit(d2lcnn.lenet(), data)
    foreign = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))
    with pytest.raises(
        ValueError,
        match=r"epoch 1, step 1.*\(2, 3, 28, 28\).*takes 1 channel.*The network says: .*expected input",
    ):
        fit(foreign, data)


def test_a_network_that_gives_no_row_of_scores():
    data = [(torch.zeros(2, 1, 8, 8), torch.tensor([0, 1]))]
    with pytest.raises(ValueError, match="one row of class scores"):
        fit(nn.Conv2d(1, 2, 3), data)


def test_networks_without_anything_to_train():
    with pytest.raises(ValueError, match="no parameter to train: Flatten"):
        fit(nn.Flatten())
    with pytest.raises(ValueError, match="lazy"):
        fit(nn.LazyLinear(4))


def test_a_diverging_loss_names_epoch_and_step_and_keeps_the_history():
    good = (torch.eye(4), torch.arange(4))
    bad = (torch.full((4, 4), math.nan), torch.arange(4))

    class GoesBad(list):
        passes = 0

        def __iter__(self):
            self.passes += 1
            return iter([good, good, bad if self.passes == 2 else good])

    with pytest.raises(DivergedError, match="epoch 2, step 3.*learning rate below 0.5") as caught:
        fit(data=GoesBad([good]), test=[good], epochs=3)
    assert len(caught.value.history) == 1
    huge = [(torch.eye(4) * 1e3, torch.arange(4))] * 3
    with pytest.raises(DivergedError, match="epoch 1, step 2.*learning rate below 1e"):
        fit(data=huge, lr=1e38)


def test_ctrl_c_returns_what_was_trained():
    class Interrupted:
        passes = 0

        def __iter__(self):
            self.passes += 1
            for i, batch in enumerate(toy()):
                if self.passes == 3 and i == 2:
                    raise KeyboardInterrupt
                yield batch

    net = nn.Linear(4, 4)
    history = fit(net, Interrupted(), toy(), epochs=5)
    assert len(history) == len(history.train_loss) == 2
    assert history.interrupted == (3, 2)
    assert "interrupted in epoch 3, step 2" in history.summary()
    assert d2lcnn.evaluate_accuracy_gpu(net, toy()) > 0.5


def test_ctrl_c_while_a_checkpoint_is_written_is_caught_too(tmp_path, monkeypatch):
    written = []

    def write(*args):
        written.append(1)
        if len(written) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("d2lcnn.training.loop.save_checkpoint", write)
    net = nn.Linear(4, 4)
    history = fit(net, epochs=5, checkpoint=tmp_path / "state.pt")
    assert len(history) == 2
    assert history.interrupted == (2, 5)
    assert not net.training


def test_a_real_ctrl_c_is_caught_too():
    script = textwrap.dedent("""
        import signal, torch, d2lcnn
        # A job that a shell put into the background inherits an ignored Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        images = torch.zeros(64, 1, 28, 28, dtype=torch.uint8)
        data = d2lcnn.Batches(images, torch.arange(64) % 10, 8, device="cpu")
        class Loud:
            def __iter__(self):
                print("epoch", flush=True)
                return iter(data)
        print(d2lcnn.train_ch6(d2lcnn.lenet(), Loud(), data, 10_000, 0.1, "cpu").interrupted is not None)
    """)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    for _ in range(3):
        assert process.stdout.readline() == "epoch\n"
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert rest.splitlines()[-1] == "True"
    assert process.returncode == 0


# ------------------------------------------------------------------------------------- evaluation and modes


def test_evaluation_leaves_every_module_in_its_own_mode():
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout())
    net.train()
    net[1].eval()  # a frozen norm
    before = {k: v.clone() for k, v in net.state_dict().items()}
    first = d2lcnn.evaluate_accuracy_gpu(net, toy())
    assert [m.training for m in net.modules()] == [True, True, False, True]
    assert d2lcnn.evaluate_accuracy_gpu(net, toy()) == first  # dropout was off
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


def test_modes_come_back_after_an_error():
    net = nn.Linear(4, 4)
    with pytest.raises(RuntimeError):
        d2lcnn.evaluate_accuracy_gpu(net, [(torch.zeros(2, 3), torch.zeros(2))])
    assert net.training


def test_evaluation_takes_the_networks_device_and_counts_every_example():
    net = nn.Identity()
    data = [(torch.eye(3), torch.tensor([0, 1, 0])), (torch.eye(3)[:1], torch.tensor([0]))]
    assert d2lcnn.evaluate_accuracy_gpu(net, data) == 0.75
    assert d2lcnn.evaluate_accuracy_gpu(net, data, "cpu") == 0.75


def test_accuracy_refuses_unequal_lengths():
    with pytest.raises(ValueError, match="same examples"):
        d2lcnn.accuracy(torch.zeros(3, 2), torch.zeros(4))


def test_one_column_of_scores_is_one_class():
    assert d2lcnn.accuracy(torch.zeros(4, 1), torch.zeros(4, dtype=torch.int64)) == 4
    assert d2lcnn.accuracy(torch.ones(3, 1), torch.tensor([0, 1, 0])) == 2


def test_accumulator_and_timer():
    metric = d2lcnn.Accumulator(2)
    with pytest.raises(ValueError, match="keeps 2 sums and was given 3"):
        metric.add(1, 2, 3)
    metric.add(1, 2)
    metric.reset()
    assert metric.data == [0.0, 0.0]
    timer = d2lcnn.Timer()
    with pytest.raises(ValueError, match="call stop"):
        timer.avg()
    laps = [timer.stop(), timer.stop()]
    assert timer.cumsum() == [laps[0], laps[0] + laps[1]]


def test_animator_draws_what_it_was_given_and_refuses_another_number_of_curves():
    animator = d2lcnn.Animator(xlabel="epoch", legend=["a", "b"], xlim=[1, 3], yscale="log")
    animator.add(1, (0.5, None))
    animator.add(2, (0.25, 0.75))
    with pytest.raises(ValueError, match="2 curve"):
        animator.add(3, 0.1)
    animator.draw()
    lines = animator.axes[0].get_lines()
    assert [line.get_xydata().tolist() for line in lines] == [[[1, 0.5], [2, 0.25]], [[2, 0.75]]]
    assert animator.axes[0].get_yscale() == "log"
    assert animator.axes[0].get_xlim() == (1, 3)


# ------------------------------------------------------------------------------------- checkpoints


def trained(path=None, resume=None, epochs=4, stop_after=None, batch_size=8):
    torch.manual_seed(3)
    images = torch.randint(0, 256, (60, 1, 4, 4), dtype=torch.uint8)
    data = d2lcnn.Batches(images, torch.arange(60) % 4, batch_size, shuffle=True, device="cpu", name="toy")
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Dropout(), nn.Linear(16, 4))
    history = train_ch6(
        net, data, data, stop_after or epochs, 0.05, "cpu", seed=5, checkpoint=path, resume=resume,
        optimizer=lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
    )  # fmt: skip
    return net, history


def test_resuming_gives_the_uninterrupted_run_bit_for_bit(tmp_path):
    whole, history = trained()
    _, first = trained(tmp_path / "state.pt", stop_after=2)
    torch.rand(17)
    resumed, continued = trained(resume=tmp_path / "state.pt")
    assert continued.seconds[:2] == first.seconds  # trained then, and not once more
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key
    assert continued.train_loss == history.train_loss
    assert continued.test_acc == history.test_acc
    assert continued.num_epochs == 4


def test_a_checkpoint_that_does_not_fit_is_refused_and_kept(tmp_path):
    path = tmp_path / "state.pt"
    with pytest.raises(FileNotFoundError, match="no checkpoint to resume from"):
        trained(resume=path)
    trained(path, stop_after=1)
    content = path.read_bytes()

    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="cannot be read.*damaged"):
        trained(resume=path)
    assert path.read_bytes() == content[: len(content) // 2]

    torch.save({"weights": 1}, path)
    with pytest.raises(ValueError, match="not a training checkpoint"):
        trained(resume=path)

    path.write_bytes(content)
    with pytest.raises(ValueError, match="another run.*lr: 0.05 in the checkpoint, 0.5 now"):
        fit(seed=5, resume=path)
    with pytest.raises(
        ValueError, match="batch_size: 8 in the checkpoint, 4 now; steps: 8 in the checkpoint, 15 now"
    ):
        trained(resume=path, batch_size=4)
    assert path.read_bytes() == content


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    path = tmp_path / "state.pt"
    fit(nn.Linear(4, 4), checkpoint=path)
    with pytest.raises(ValueError, match="another network"):
        fit(nn.Sequential(nn.Linear(4, 4)), resume=path)


def test_a_failed_write_keeps_the_older_file_and_leaves_no_litter(tmp_path):
    from d2lcnn.training.checkpoint import atomic_write

    path = tmp_path / "file"
    path.write_bytes(b"good")

    def fail_half_way():
        with atomic_write(path) as file:
            file.write(b"half")
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        fail_half_way()
    assert path.read_bytes() == b"good"
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_with_a_changed_byte_is_refused(tmp_path):
    path = tmp_path / "state.pt"
    fit(nn.Linear(4, 4), checkpoint=path)
    content = bytearray(path.read_bytes())
    weights = torch.load(path, weights_only=True)["net"]["weight"].numpy().tobytes()
    where = bytes(content).index(weights)
    content[where] ^= 1
    path.write_bytes(content)
    assert torch.load(path, weights_only=True)["net"]["weight"].numpy().tobytes() != weights
    with pytest.raises(ValueError, match="cannot be read.*damaged"):
        fit(nn.Linear(4, 4), resume=path)
    assert path.read_bytes() == bytes(content)


def test_a_checkpoint_of_more_epochs_than_asked_for_is_refused(tmp_path):
    trained(tmp_path / "state.pt", stop_after=3)
    with pytest.raises(ValueError, match="after epoch 3, and num_epochs is 2"):
        trained(resume=tmp_path / "state.pt", epochs=2)
    assert len(trained(resume=tmp_path / "state.pt", epochs=3)[1]) == 3


def test_weights_that_the_last_step_spoiled_are_not_kept(tmp_path):
    # One step at this rate makes weights whose scores overflow; the loss before it was a number.
    one = [(torch.eye(4) * 1e3, torch.arange(4))]
    with pytest.raises(DivergedError, match="held-out data was infinite or NaN after epoch 1.*below 1e"):
        fit(data=one, epochs=1, lr=1e38, checkpoint=tmp_path / "state.pt")
    assert list(tmp_path.iterdir()) == []
