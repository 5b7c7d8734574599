"""Downloads: from a server on this machine, by several processes at once, and with everything going wrong."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import multiprocessing
import os
import pickle
import socket
import tarfile
import urllib.error
import warnings
from pathlib import Path

import numpy as np
import pytest
import torchvision

from d2lcnn.data import load_data_cifar10, load_data_fashion_mnist, load_data_mnist
from d2lcnn.data.download import data_root

IMAGES = "train-images-idx3-ubyte"


def load(**kwargs):
    return load_data_fashion_mnist(7, device="cpu", **kwargs)


def files_in(folder):
    """What lies below a folder, but for the lock, which may stay."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def folders_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_dir()}


def test_the_root_is_read_when_asked(monkeypatch):
    monkeypatch.delenv("D2LCNN_DATA", raising=False)
    assert data_root() == Path("data")
    monkeypatch.setenv("D2LCNN_DATA", "~/sets")
    assert data_root() == Path.home() / "sets"


def test_a_missing_set_is_fetched_once_and_only_it_remains(root, mirror, small_fashion):
    train_iter, _ = load()
    assert bytes(train_iter.images.numpy()) == small_fashion[IMAGES][16:]
    assert files_in(root) == {f"FashionMNIST/raw/{name}": content for name, content in small_fashion.items()}
    assert folders_in(root) == {"FashionMNIST", "FashionMNIST/raw"}
    asked = mirror.requests.total()
    load()
    assert mirror.requests.total() == asked


def test_the_root_is_made_and_leftovers_of_a_killed_download_go(tmp_path, monkeypatch, mirror):
    root = tmp_path / "new" / "root"
    leftover = root / ".FashionMNIST.download" / "FashionMNIST" / "raw"
    leftover.mkdir(parents=True)
    (leftover / IMAGES).write_bytes(b"half")
    monkeypatch.setenv("D2LCNN_DATA", str(root))
    load()
    assert folders_in(root) == {"FashionMNIST", "FashionMNIST/raw"}


def test_only_the_missing_file_is_put_in_place(placed, mirror):
    (placed / IMAGES).unlink()
    kept = placed / "t10k-images-idx3-ubyte"
    inode = kept.stat().st_ino
    load()
    assert kept.stat().st_ino == inode
    assert (placed / IMAGES).exists()


def load_when_all_are_ready(barrier, results):
    barrier.wait(30)
    results.put(load()[0].num_examples)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes inherit the small set by fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_processes_at_once_download_once(root, mirror):
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(4), context.Queue()
    processes = [context.Process(target=load_when_all_are_ready, args=(barrier, results)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        if process.is_alive():
            process.kill()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert [results.get(timeout=5) for _ in processes] == [30, 30, 30, 30]
    # torchvision asks twice for each file: for redirections, and for the file.
    assert mirror.requests == {name: 2 for name, _ in torchvision.datasets.FashionMNIST.resources}
    assert folders_in(root) == {"FashionMNIST", "FashionMNIST/raw"}


def unplug(monkeypatch, mirror):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [f"http://127.0.0.1:{port}/"])


def lose_a_file(monkeypatch, mirror):
    (mirror.folder / "t10k-labels-idx1-ubyte.gz").unlink()


def cut_a_file(monkeypatch, mirror):
    path = mirror.folder / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:1000])


def change_what_is_published(monkeypatch, mirror):
    """A mirror whose MD5 sums fit, but which serves something else."""
    name = "train-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress((mirror.folder / name).read_bytes()))
    content[-1] ^= 1
    packed = gzip.compress(bytes(content))
    (mirror.folder / name).write_bytes(packed)
    resources = [
        (n, hashlib.md5(packed).hexdigest() if n == name else md5)
        for n, md5 in torchvision.datasets.FashionMNIST.resources
    ]
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "resources", resources)


def fill_the_disk(monkeypatch, mirror):
    def half_a_file(url, filename, *args):
        Path(filename).write_bytes(b"half of the file")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torchvision.datasets.utils, "_urlretrieve", half_a_file)


def fill_the_disk_at_the_move(monkeypatch, mirror):
    def refuse(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)


def forbid_writing(monkeypatch, mirror):
    def refuse(self, *args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)


def stall(monkeypatch, mirror):
    def silent(*args):
        raise TimeoutError("timed out")

    monkeypatch.setattr(torchvision.datasets.utils, "_urlretrieve", silent)


FAILURES = [
    (unplug, "Connection refused"),
    (lose_a_file, "404"),
    (cut_a_file, "corrupted"),
    (change_what_is_published, "SHA-256"),
    (fill_the_disk, "No space left"),
    (fill_the_disk_at_the_move, "No space left"),
    (forbid_writing, "Read-only file system"),
    (stall, "timed out"),
]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # torchvision leaves a refused connection open
@pytest.mark.parametrize(("fail", "reason"), FAILURES)
def test_a_failed_download_explains_itself_and_harms_nothing(placed, root, mirror, monkeypatch, fail, reason):
    (placed / IMAGES).unlink()
    before = files_in(root)
    fail(monkeypatch, mirror)
    with pytest.raises(FileNotFoundError) as info:
        load()
    monkeypatch.undo()
    message = str(info.value)
    assert reason in message
    for part in (str(placed), IMAGES, "torchvision", "by hand", "D2LCNN_DATA", "D2LCNN_FAST=1"):
        assert part in message
    assert files_in(root) == before
    assert folders_in(root) == {"FashionMNIST", "FashionMNIST/raw"}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_after_a_failure_the_next_try_succeeds(root, mirror, monkeypatch):
    with monkeypatch.context() as broken:
        fill_the_disk(broken, mirror)
        with pytest.raises(FileNotFoundError, match="No space left"):
            load()
        assert files_in(root) == {}
    assert load()[0].num_examples == 30


def test_an_interrupt_passes_and_leaves_nothing(root, mirror, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(torchvision.datasets.utils, "_urlretrieve", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load()
    assert files_in(root) == {}
    assert folders_in(root) == set()
    assert socket.getdefaulttimeout() is None


def test_a_root_that_is_a_file_is_explained(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("mine")
    monkeypatch.setenv("D2LCNN_DATA", str(path))
    with pytest.raises(FileNotFoundError, match="FileExistsError"):
        load_data_mnist(4, device="cpu")
    assert path.read_text() == "mine"


def test_bad_numbers_are_refused_before_anything_is_fetched(root, mirror):
    for kwargs in ({"resize": 0}, {"subset": 0}, {"subset": True}, {"resize": True}):
        with pytest.raises(ValueError, match="must be"):
            load(**kwargs)
    with pytest.raises(ValueError, match="batch_size"):
        load_data_fashion_mnist(-1)
    assert mirror.requests.total() == 0


def test_a_subset_is_fixed_and_the_test_set_stays_whole(placed):
    train_iter, test_iter = load(subset=10)
    again, _ = load(subset=10)
    larger, _ = load(subset=20)
    assert (train_iter.num_examples, test_iter.num_examples) == (10, 12)
    assert train_iter.images.equal(again.images)
    assert train_iter.images.equal(larger.images[:10])
    assert not train_iter.images.equal(load()[0].images[:10])
    assert train_iter.name == "Fashion-MNIST (subset of 10)"
    with pytest.raises(ValueError, match="subset must be between 1 and 30; got 31"):
        load(subset=31)


@pytest.fixture
def small_cifar(monkeypatch):
    """CIFAR-10's own format with ten images a file, pickled, and torchvision's MD5 sums set to it."""
    rng = np.random.default_rng(0)
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    contents = {"batches.meta": pickle.dumps({"label_names": names}, protocol=2)}
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        batch = {"data": rng.integers(0, 256, (10, 3072), dtype=np.uint8), "labels": list(range(10))}
        contents[name] = pickle.dumps(batch, protocol=2)
    reader = torchvision.datasets.CIFAR10
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(
        reader, "train_list", [[f"data_batch_{i}", md5[f"data_batch_{i}"]] for i in range(1, 6)]
    )
    monkeypatch.setattr(reader, "test_list", [["test_batch", md5["test_batch"]]])
    monkeypatch.setattr(reader, "meta", {**reader.meta, "md5": md5["batches.meta"]})
    return contents


def test_cifar10_is_read_from_torchvisions_files(root, small_cifar):
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    for name, content in small_cifar.items():
        (folder / name).write_bytes(content)
    train_iter, test_iter = load_data_cifar10(4, device="cpu")
    assert (train_iter.num_examples, test_iter.num_examples) == (50, 10)
    assert (train_iter.name, train_iter.classes[3]) == ("CIFAR-10", "cat")
    first = pickle.loads(small_cifar["data_batch_1"], encoding="latin1")["data"][0]
    assert bytes(train_iter.images[0].numpy()) == first.tobytes()
    assert train_iter.labels.tolist() == [*range(10)] * 5

    damaged = folder / "data_batch_4"
    damaged.write_bytes(small_cifar["data_batch_4"][:-1])
    with pytest.raises(ValueError, match="data_batch_4 differs"):
        load_data_cifar10(4, device="cpu")
    assert damaged.read_bytes() == small_cifar["data_batch_4"][:-1]


def test_cifar10_is_fetched_and_unpacked(root, small_cifar, mirror, monkeypatch):
    archive = mirror.folder / "cifar-10-python.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in small_cifar.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", mirror.url + archive.name)
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "tgz_md5", "0" * 32)
    with pytest.raises(FileNotFoundError, match=f"by hand: get {mirror.url}.*unpack"):
        load_data_cifar10(4, device="cpu")
    assert files_in(root) == {}
    monkeypatch.setattr(
        torchvision.datasets.CIFAR10, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # tarfile's filters, in torchvision
        train_iter, _ = load_data_cifar10(4, device="cpu")
    assert train_iter.num_examples == 50
    assert set(files_in(root)) == {f"cifar-10-batches-py/{name}" for name in small_cifar}


def test_a_refused_connection_is_torchvisions_own_error(root, mirror, monkeypatch):
    """What the tests above stand on: nothing of torchvision is replaced when the network is dead."""
    unplug(monkeypatch, mirror)
    with pytest.raises((RuntimeError, urllib.error.URLError)):
        torchvision.datasets.FashionMNIST(root, download=True)
