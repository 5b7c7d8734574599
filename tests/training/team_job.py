"""What test_team.py lets two processes do together.

python team_job.py FOLDER                              starts them itself, and imports torch once for all
torchrun --nproc-per-node=2 team_job.py FOLDER         the job in which one is killed, alone
"""

import contextlib
import functools
import io
import multiprocessing
import os
import signal
import socket
import sys
import time
from pathlib import Path

import torch
import torch._dynamo  # which the first step of an optimizer imports, some seconds in each process
import torch.distributed as dist
from torch import nn

import d2lcnn

KILLED_IN = 3  # epoch
MOMENTUM = functools.partial(torch.optim.SGD, momentum=0.9)


def numbered(n, batch_size, shuffle=False, shape=(1, 28, 28)):
    """Images of a bright row, higher or lower by class, in noise; the first pixel is the number of the image."""
    images = torch.randint(0, 64, (n, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(n))
    for i in range(n):
        images[i, :, 4 + 2 * (i % 10), :] = 255
    images[:, 0, 0, 0] = torch.arange(n)
    return d2lcnn.Batches(
        images, torch.arange(n) % 10, batch_size, shuffle=shuffle, device="cpu", name="numbered"
    )


def numbers(X):
    """Say which images a batch holds."""
    return (X[:, 0, 0, 0] * 255).round().long().tolist()


def result(net, history):
    """Give what every process must agree on."""
    curves = ("train_loss", "train_acc", "test_loss", "test_acc", "validation_loss", "examples")
    return {
        "net": {name: tensor.clone() for name, tensor in net.state_dict().items()},
        "history": {name: getattr(history, name) for name in curves},
    }


def lenet_run():
    """LeNet, with ReLU so that it learns in a few steps: a last batch of 7, and a last test batch of one image."""
    seen = {"training": [], "measuring": []}
    torch.manual_seed(1)
    net = d2lcnn.RECIPES["lenet_relu"].build()
    net.register_forward_pre_hook(
        lambda module, X: seen["training" if module.training else "measuring"].append(numbers(X[0]))
    )
    history = d2lcnn.train_ch6(
        net, numbered(55, 16, shuffle=True), numbered(33, 16), 2, 0.5, "cpu", seed=3, progress=True,
        optimizer=MOMENTUM, clip_norm=1.0, validation=numbered(20, 8),
    )  # fmt: skip
    return result(net, history) | seen


def group_norm_run():
    """The course's net with group norm on small colour images."""
    torch.manual_seed(1)
    net = d2lcnn.course_norm_net("gn")
    data = numbered(13, 8, shuffle=True, shape=(3, 32, 32))
    return result(net, d2lcnn.train_ch6(net, data, data, 2, 0.01, "cpu", seed=3, optimizer=MOMENTUM))


def long_run(epochs=4, on_step=None, **choices):
    """A net with batch norm and dropout, over several epochs; `on_step` hears of each training step."""
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 5, stride=4), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(144, 10)
    )  # fmt: skip
    if on_step is not None:
        net.register_forward_hook(lambda module, X, y: on_step(y) if module.training else None)
    data = numbered(40, 8, shuffle=True)
    history = d2lcnn.train_ch6(
        net, data, numbered(21, 8), epochs, 0.1, "cpu", seed=5, optimizer=MOMENTUM, **choices
    )
    return result(net, history)


def die_in_mid_epoch(folder):
    """Let the second process end as the kernel ends one that takes too much memory."""
    steps = []

    def die(_):
        steps.append(1)
        if dist.get_rank() == 1 and len(steps) == 5 * (KILLED_IN - 1) + 2:
            (folder / "killed").write_text(str(time.time()))
            os.kill(os.getpid(), signal.SIGKILL)

    long_run(on_step=die, checkpoint=folder / "state.pt")


def dropped():
    """Which inputs dropout zeroes at each step."""
    masks = []
    net = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(784, 10))
    net[1].register_forward_hook(
        lambda module, X, y: masks.append((y == 0) & (X[0] != 0)) if module.training else None
    )
    data = numbered(8, 4)
    d2lcnn.train_ch6(net, data, data, 1, 0.0, "cpu", seed=2)
    return masks


def batch_norm_step():
    """One step without learning."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784), nn.Linear(784, 10))
    data = numbered(8, 8)
    return result(net, d2lcnn.train_ch6(net, data, data, 1, 0.0, "cpu", init_weights=None))


def refusal(train, test):
    """The words with which data are refused."""
    try:
        d2lcnn.train_ch6(d2lcnn.lenet(), train, test, 1, 0.1, "cpu")
    except ValueError as error:
        return str(error)


def not_a_number():
    """The words with which all end when one process has seen a NaN."""
    steps = []

    def spoil(y):
        steps.append(1)
        if len(steps) == 7 and dist.get_rank() == 1:
            return y * float("nan")

    try:
        long_run(on_step=spoil)
    except d2lcnn.DivergedError as error:
        return str(error), len(error.history)


def check(folder):
    """Do everything once and leave what came of it."""
    replace, written, bar, resumed_steps = os.replace, [], io.StringIO(), []
    os.replace = lambda source, target: (written.append(Path(target).name), replace(source, target))
    with contextlib.redirect_stderr(bar):
        lenet = lenet_run()
    found = {
        "lenet": lenet,
        "bar": bar.getvalue(),
        "group norm": group_norm_run(),
        "uninterrupted": long_run(checkpoint=folder / "another.pt"),
        "written": written,
        "resumed": long_run(on_step=lambda _: resumed_steps.append(1), resume=folder / "state.pt"),
        "resumed steps": resumed_steps,
        "dropped": dropped(),
        "batch norm": batch_norm_step(),
        "another loader": refusal(list(numbered(8, 8)), numbered(8, 8)),
        "small last batch": refusal(numbered(33, 16), numbered(8, 8)),
        "small batch": refusal(numbered(8, 1), numbered(8, 8)),
        "NaN": not_a_number(),
    }
    torch.save(found, folder / f"{dist.get_rank()}.pt")


def join(do, folder, **place):
    """Do something as one of the two processes; what torchrun says of their places may be given instead."""
    os.environ.update(place)
    dist.init_process_group("gloo")
    do(folder)
    dist.destroy_process_group()


def start(do, folder):
    """Let two processes do something together; give their exit statuses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    context = multiprocessing.get_context("fork")
    both = [
        context.Process(target=join, args=(do, folder), kwargs={**place, "RANK": rank, "LOCAL_RANK": rank})
        for rank in "01"
    ]
    for process in both:
        process.start()
    for process in both:
        process.join()
    return [process.exitcode for process in both]


def main(folder):
    """Let one of two be killed, then do all else; give the greater exit status of the second pair."""
    ended = start(die_in_mid_epoch, folder)
    took = time.time() - float((folder / "killed").read_text())
    state = torch.load(folder / "state.pt", weights_only=True)
    found = {"ended": ended, "took": took, "epochs": len(state["history"]["test_acc"])}
    torch.save(found, folder / "killed.pt")
    return max(map(abs, start(check, folder)))


if __name__ == "__main__":
    if "RANK" in os.environ:
        join(die_in_mid_epoch, Path(sys.argv[1]))
    else:
        sys.exit(main(Path(sys.argv[1])))
