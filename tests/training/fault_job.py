"""What test_killed.py lets processes suffer: `python fault_job.py FOLDER`.

Each run is a process of its own, forked from one that has imported torch and done nothing with it.
"""

import functools
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

import filelock  # noqa: F401  (before a process gives up its rights, and with them perhaps those to read this)
import torch
import torch._dynamo  # which the first step of an optimizer imports, some seconds in each process
from torch import nn

import d2lcnn
from d2lcnn.training import records
from d2lcnn.training.recipes import RECIPES, Recipe

EPOCHS, STEPS, TEST_STEPS = 4, 5, 3
KILLED_IN = 3  # epoch
NOBODY = 65534
MIB = 2**20


def in_a_process(do, *args):
    """Do something in a process of its own, and give how it ended: 0, 1 after an error, minus the signal's number."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            do(*args)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def die(*_):
    """End as a process ends that the kernel or a person kills."""
    os.kill(os.getpid(), signal.SIGKILL)


def data(n, batch_size, shuffle=False):
    """Noise with labels."""
    images = torch.randint(
        0, 256, (n, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(n)
    )
    return d2lcnn.Batches(
        images, torch.arange(n) % 4, batch_size, shuffle=shuffle, device="cpu", name="noise"
    )


def train(folder, on_step=lambda number: None, on_test=lambda number: None, **choices):
    """Train a net with batch norm and dropout; leave in the folder what came of it.

    `on_step` and `on_test` hear of each training and test batch of this process, from 1.
    """
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(288, 4)
    )
    counts = {True: 0, False: 0}

    def count(module, X):
        counts[module.training] += 1
        (on_step if module.training else on_test)(counts[module.training])

    net.register_forward_pre_hook(count)
    history = d2lcnn.train_ch6(
        net, data(40, 8, shuffle=True), data(21, 8), EPOCHS, 0.1, "cpu", seed=5,
        optimizer=functools.partial(torch.optim.SGD, momentum=0.9), **choices,
    )  # fmt: skip
    curves = ("train_loss", "train_acc", "test_loss", "test_acc", "examples")
    result = {"net": net.state_dict(), **{name: getattr(history, name) for name in curves}}
    torch.save(result | {"steps here": counts[True]}, folder / "result.pt")


def at(number, do):
    """Give a function that does something when it is told this number."""
    return lambda now: do() if now == number else None


def die_in_save(number):
    """Die in the middle of writing the checkpoint of that number, half of which is on the disk by then."""
    save, calls = torch.save, []

    def half(state, file):
        calls.append(1)
        if len(calls) < number:
            return save(state, file)
        save(state, file)
        file.flush()
        os.truncate(file.fileno(), os.fstat(file.fileno()).st_size // 2)
        die()

    torch.save = half


def die_in_replace(number, *, after):
    """Die right before or right after the file of that number takes its place."""
    replace, calls = os.replace, []

    def instead(source, target):
        calls.append(1)
        if len(calls) < number:
            return replace(source, target)
        if after:
            replace(source, target)
        die()

    os.replace = instead


def kill(phase, folder):
    """Train with a checkpoint, and die in some phase."""
    choices = {}
    if phase == "first epoch":
        choices["on_step"] = at(2, die)
    elif phase == "in mid-epoch":
        choices["on_step"] = at(STEPS * (KILLED_IN - 1) + 3, die)
    elif phase == "while evaluating":
        choices["on_test"] = at(TEST_STEPS * (KILLED_IN - 1) + 2, die)
    elif phase == "in mid-write":
        die_in_save(KILLED_IN)
    else:
        die_in_replace(KILLED_IN, after=phase == "after the checkpoint")
    train(folder, checkpoint=folder / "state.pt", **choices)


PHASES = (
    *("first epoch", "in mid-epoch", "while evaluating", "in mid-write"),
    *("before the checkpoint", "after the checkpoint"),
)


def killed_and_resumed(phase, folder):
    """Let a run be killed, look at what it left, and go on with it."""
    folder.mkdir()
    path = folder / "state.pt"
    ended = in_a_process(kill, phase, folder)
    left = sorted(p.name for p in folder.iterdir())
    epochs = len(torch.load(path, weights_only=True)["history"]["test_acc"]) if path.exists() else 0
    go_on = lambda: train(folder, checkpoint=path, resume=path if path.exists() else None)  # noqa: E731
    went_on = in_a_process(go_on)
    return {
        "ended": ended,
        "left": left,
        "epochs": epochs,
        "went on": went_on,
        "result": torch.load(folder / "result.pt", weights_only=True),
        "left then": sorted(p.name for p in folder.iterdir()),
    }


def record_noise(folder, before=lambda: None):
    """Record a recipe that takes no time."""
    load = lambda batch_size, resize=None, *, device=None: (data(40, 8, shuffle=True), data(21, 8))  # noqa: E731
    load.__name__ = "load_data_noise"
    build = lambda: nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(64, 4))  # noqa: E731
    build.__name__ = "dense"
    RECIPES["noise"] = Recipe(build, 8, None, 0.1, num_epochs=2, load=load, about="noise")
    before()
    records.record("noise", 0, folder=folder, device="cpu")


def killed_records(folder):
    """Kill recordings before and after their last file takes its place, and give the same command again."""
    found = {}
    for name, before in {
        "whole": None,
        "before the record": lambda: die_in_replace(3, after=False),  # after two epochs' checkpoints
        "after the record": lambda: die_in_replace(3, after=True),
    }.items():
        place = folder / "records" / name
        place.mkdir(parents=True)
        ended = 0 if before is None else in_a_process(record_noise, place, before)
        left = sorted(p.suffix for p in place.iterdir())
        again = in_a_process(record_noise, place)
        (record,) = place.iterdir()
        losses = records.Run.from_file(record).history.train_loss
        found[name] = {"ended": ended, "left": left, "again": again, "losses": losses}
    return found


def warned(do):
    """Give the warnings that come while something is done."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        do()
    return [str(warning.message) for warning in caught if warning.category is RuntimeWarning]


def limit(kind, value):
    """Set a limit of this process, the soft one alone, so that it can be lifted again."""
    resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))


def disk_full(folder, until):
    """Let no file grow past 4 kB from the second epoch on, as on a full disk, until some epoch begins."""

    def on_step(number):
        if number == STEPS + 1:
            limit(resource.RLIMIT_FSIZE, 4096)
        elif number == STEPS * (until - 1) + 1:
            limit(resource.RLIMIT_FSIZE, resource.RLIM_INFINITY)

    try:
        said = warned(lambda: train(folder, on_step, checkpoint=folder / "state.pt"))
    finally:
        limit(resource.RLIMIT_FSIZE, resource.RLIM_INFINITY)
    (folder / "said").write_text("\n".join(said))


def disk_full_to_the_end(folder):
    """Let the disk be full until the run dies in its last epoch."""

    def on_step(number):
        if number == STEPS + 1:
            limit(resource.RLIMIT_FSIZE, 4096)
        elif number == STEPS * (EPOCHS - 1) + 2:
            die()

    train(folder, on_step, checkpoint=folder / "state.pt")


def without_rights(do, *args):
    """Do something as a user whom a folder's rights bind: root is bound by none."""
    if os.geteuid() == 0:
        os.setuid(NOBODY)
    do(*args)


def read_only(folder):
    """Start a run whose folder cannot be written."""
    steps = []
    try:
        train(folder, steps.append, checkpoint=folder / "state.pt")
    except OSError as error:
        if not steps:  # nothing was trained
            print(f"refused: {error}", flush=True)
            return
    raise AssertionError("the folder could be written")


def read_only_for_a_while(folder):
    """Take away the right to write into the folder in the second epoch, and give it back in the third."""
    rights = {STEPS + 1: 0o555, 2 * STEPS + 1: 0o755}
    on_step = lambda number: folder.chmod(rights[number]) if number in rights else None  # noqa: E731
    said = warned(lambda: train(folder, on_step, checkpoint=folder / "state.pt"))
    (folder / "said").write_text("\n".join(said))


def out_of_memory(folder):
    """Train with more images in a batch than the memory holds, and then with as many as the error says."""
    n = 512
    images = torch.zeros(n, 1, 64, 64, dtype=torch.uint8)
    labels = torch.arange(n) % 4

    def attempt(batch_size):
        net = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 4)
        )
        batches = d2lcnn.Batches(images, labels, batch_size, device="cpu")
        return d2lcnn.train_ch6(net, batches, data_of_one, 1, 0.1, "cpu", seed=0)

    data_of_one = d2lcnn.Batches(images[:1], labels[:1], 1, device="cpu")
    attempt(8)  # what is allocated only once is there before the limit
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit(resource.RLIMIT_AS, pages * resource.getpagesize() + 400 * MIB)
    try:
        attempt(n)
    except MemoryError as error:
        said = str(error)
    fits = int(said.partition("batch_size=")[2].partition(".")[0])
    examples = attempt(fits).examples
    limit(resource.RLIMIT_AS, resource.RLIM_INFINITY)
    torch.save({"said": said, "fits": fits, "examples": examples}, folder / "result.pt")


def suffer(folder, do, *args):
    """Do something in a process and a folder of its own; give how it ended and what it left."""
    folder.mkdir()
    ended = in_a_process(do, *args, folder) if args else in_a_process(do, folder)
    left = sorted(p.name for p in folder.iterdir())
    return {"ended": ended, "left": left}


def main(folder):
    """Let every fault happen once and leave what came of it."""
    torch.set_num_threads(1)
    found = {"whole": suffer(folder / "whole", train)}
    found["whole"]["result"] = torch.load(folder / "whole" / "result.pt", weights_only=True)
    for phase in PHASES:
        found[phase] = killed_and_resumed(phase, folder / phase)
    found["records"] = killed_records(folder)

    place = folder / "full for a while"
    found[place.name] = suffer(place, lambda place: disk_full(place, until=3))
    found[place.name]["said"] = (place / "said").read_text()
    found[place.name]["result"] = torch.load(place / "result.pt", weights_only=True)
    place = folder / "full to the end"
    found[place.name] = suffer(place, disk_full_to_the_end)
    path = place / "state.pt"
    found[place.name]["went on"] = in_a_process(lambda: train(place, checkpoint=path, resume=path))
    found[place.name]["result"] = torch.load(place / "result.pt", weights_only=True)

    # pytest's own folders are closed to whoever has no rights.
    with tempfile.TemporaryDirectory() as name:
        reachable = Path(name)
        reachable.chmod(0o755)
        place = reachable / "read-only"
        place.mkdir(mode=0o555)
        found[place.name] = in_a_process(without_rights, read_only, place)
        place = reachable / "read-only for a while"
        place.mkdir()
        if os.geteuid() == 0:
            os.chown(place, NOBODY, -1)
        found[place.name] = {"ended": in_a_process(without_rights, read_only_for_a_while, place)}
        found[place.name]["said"] = (place / "said").read_text()
        found[place.name]["result"] = torch.load(place / "result.pt", weights_only=True)

    place = folder / "memory"
    found[place.name] = suffer(place, out_of_memory)
    found[place.name]["result"] = torch.load(place / "result.pt", weights_only=True)
    torch.save(found, folder / "found.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
