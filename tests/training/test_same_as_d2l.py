"""train_ch6 is d2l's train_ch6: equal seeds, weights and batches give equal losses, accuracies and weights."""

import copy
import inspect

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import d2lcnn


class CurvesOnly:
    """Stands in for d2l's Animator, which needs a notebook, and keeps what it was given."""

    last = None

    def __init__(self, **_):
        self.points = []
        CurvesOnly.last = self

    def add(self, x, y):
        self.points.append((x, y))


@pytest.fixture
def d2l_train_ch6(d2l, monkeypatch, capsys):
    monkeypatch.setattr(d2l, "Animator", CurvesOnly)
    # Some of its helpers are looked up on the name d2l inside its own module.
    monkeypatch.setattr(d2l.d2l, "Animator", CurvesOnly, raising=False)

    def run(net, train_iter, test_iter, num_epochs, lr):
        d2l.train_ch6(net, train_iter, test_iter, num_epochs, lr, torch.device("cpu"))
        points = CurvesOnly.last.points
        ends = [p for p in points if float(p[0]).is_integer()]
        train = [(float(y[0]), float(y[1])) for _, y in ends if y[0] is not None]
        return train, [float(y[2]) for _, y in ends if y[2] is not None]

    return run


def nets():
    yield "lenet", d2lcnn.lenet
    yield "batch norm and dropout", lambda: nn.Sequential(
        nn.Conv2d(1, 4, 5, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(576, 10)
    )  # fmt: skip


@pytest.mark.parametrize(("name", "build"), list(nets()))
@pytest.mark.parametrize("kind", ["torch DataLoader", "course's batches"])
def test_same_losses_accuracies_and_weights(name, build, kind, d2l_train_ch6):
    images = torch.randint(0, 256, (150, 1, 28, 28), dtype=torch.uint8)
    labels = torch.randint(0, 10, (150,))

    def loaders():
        if kind == "course's batches":
            make = lambda shuffle: d2lcnn.Batches(images, labels, 16, shuffle=shuffle, device="cpu")  # noqa: E731
        else:
            dataset = TensorDataset(images / 255, labels)
            make = lambda shuffle: DataLoader(dataset, batch_size=16, shuffle=shuffle)  # noqa: E731
        return make(True), make(False)

    net = build()
    twin = copy.deepcopy(net)
    torch.manual_seed(7)
    ours = d2lcnn.train_ch6(net, *loaders(), 3, 0.1, torch.device("cpu"))
    torch.manual_seed(7)
    train, test_acc = d2l_train_ch6(twin, *loaders(), 3, 0.1)

    assert [loss for loss, _ in train] == pytest.approx(ours.train_loss, rel=1e-12)
    assert [acc for _, acc in train] == ours.train_acc
    assert test_acc == ours.test_acc
    for (key, value), twin_value in zip(net.state_dict().items(), twin.state_dict().values(), strict=True):
        assert torch.equal(value, twin_value), key
    assert [m.training for m in net.modules()] == [m.training for m in twin.modules()]


def test_same_positional_signature(d2l):
    theirs = list(inspect.signature(d2l.train_ch6).parameters)
    ours = inspect.signature(d2lcnn.train_ch6).parameters
    positional = [name for name, p in ours.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == theirs
    assert all(p.kind is p.KEYWORD_ONLY for name, p in ours.items() if name not in theirs)


def test_metrics_agree(d2l):
    y_hat, y = torch.randn(40, 10), torch.randint(0, 10, (40,))
    assert d2lcnn.accuracy(y_hat, y) == d2l.accuracy(y_hat, y)
    assert d2lcnn.accuracy(y_hat.argmax(1), y) == d2l.accuracy(y_hat.argmax(1), y)
    ours, theirs = d2lcnn.Accumulator(2), d2l.Accumulator(2)
    for metric in (ours, theirs):
        metric.add(1, 0.1)
        metric.add(torch.tensor(2.5), 0.2)
    assert list(ours.data) == list(theirs.data)
    for name in ("Accumulator", "Animator", "Timer"):
        public = {m for m in vars(getattr(d2l, name)) if not m.startswith("_")}
        assert public <= set(dir(getattr(d2lcnn, name))), name
    assert list(inspect.signature(d2lcnn.Animator).parameters) == list(
        inspect.signature(d2l.Animator).parameters
    )


def test_our_loop_takes_a_single_batch_and_d2ls_does_not(d2l):
    images, labels = torch.zeros(4, 1, 28, 28, dtype=torch.uint8), torch.tensor([0, 1, 2, 3])
    one = d2lcnn.Batches(images, labels, 4, device="cpu")
    with pytest.raises(ZeroDivisionError):
        d2l.train_ch6(d2lcnn.lenet(), one, one, 1, 0.1, torch.device("cpu"))
    history = d2lcnn.train_ch6(d2lcnn.lenet(), one, one, 1, 0.1, "cpu")
    assert len(history) == 1


LISTING = """
import torch
from torch import nn
import d2lcnn as d2l

net = nn.Sequential(
    nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2),
    nn.Conv2d(6, 16, kernel_size=5), nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2), nn.Flatten(),
    nn.Linear(16 * 5 * 5, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10))
train_iter, test_iter = d2l.load_data_fashion_mnist(batch_size=256)
device, num_epochs, lr = d2l.try_gpu(), 1, 0.9
net.to(device)
optimizer = torch.optim.SGD(net.parameters(), lr=lr)
loss = nn.CrossEntropyLoss()
animator = d2l.Animator(xlabel='epoch', xlim=[1, num_epochs], legend=['train loss', 'train acc', 'test acc'])
timer, num_batches = d2l.Timer(), len(train_iter)
for epoch in range(num_epochs):
    metric = d2l.Accumulator(3)
    net.train()
    for i, (X, y) in enumerate(train_iter):
        timer.start()
        optimizer.zero_grad()
        X, y = X.to(device), y.to(device)
        y_hat = net(X)
        l = loss(y_hat, y)
        l.backward()
        optimizer.step()
        with torch.no_grad():
            metric.add(l * X.shape[0], d2l.accuracy(y_hat, y), X.shape[0])
        timer.stop()
        train_l, train_acc = metric[0] / metric[2], metric[1] / metric[2]
        if (i + 1) % (num_batches // 5) == 0 or i == num_batches - 1:
            animator.add(epoch + (i + 1) / num_batches, (train_l, train_acc, None))
    test_acc = d2l.evaluate_accuracy_gpu(net, test_iter)
    animator.add(epoch + 1, (None, None, test_acc))
print(f'loss {train_l:.3f}, train acc {train_acc:.3f}, test acc {test_acc:.3f}')
print(f'{metric[2] * num_epochs / timer.sum():.1f} examples/sec on {str(device)}')
"""


def test_a_handwritten_loop_runs_after_one_swapped_import(monkeypatch, capsys):
    monkeypatch.setenv("D2LCNN_FAST", "1")
    scope = {}
    exec(compile(LISTING, "listing", "exec"), scope)
    printed = capsys.readouterr().out
    assert printed.startswith("loss 2.")
    assert "examples/sec" in printed
    assert scope["animator"].X[0][-1] == 1.0
    assert sum(p.numel() for p in scope["net"].parameters()) == 61_706
