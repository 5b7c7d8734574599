"""Small data sets in the published layouts, and a server on this machine to download them from."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import struct
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torchvision

from d2lcnn.data import idx


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty data root."""
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.setenv("D2LCNN_DATA", str(folder))
    return folder


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def small_fashion(monkeypatch):
    """Thirty training and twelve test images in Fashion-MNIST's format, with checksums that agree with them."""
    rng = np.random.default_rng(0)
    contents = {}
    for prefix, n in (("train", 30), ("t10k", 12)):
        contents[f"{prefix}-images-idx3-ubyte"] = idx_bytes(rng.integers(0, 256, (n, 28, 28), dtype=np.uint8))
        labels = np.resize(np.arange(10, dtype=np.uint8), n)
        contents[f"{prefix}-labels-idx1-ubyte"] = idx_bytes(labels)
    for name, content in contents.items():
        monkeypatch.setitem(idx.FASHION_MNIST_SHA256, name, hashlib.sha256(content).hexdigest())
    return contents


@pytest.fixture
def placed(root, small_fashion):
    """The small set where the loader looks for it."""
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in small_fashion.items():
        (raw / name).write_bytes(content)
    return raw


class Mirror:
    """A web server on this machine; it counts what it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: Counter[str] = Counter()
        mirror = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, directory=str(folder), **kwargs)

            def do_GET(self):
                mirror.requests[self.path.strip("/")] += 1
                super().do_GET()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def mirror(tmp_path, small_fashion, monkeypatch):
    """A mirror with the small set as torchvision expects it: gzip files with known MD5 sums."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    resources = []
    for name, content in small_fashion.items():
        packed = gzip.compress(content)
        (folder / f"{name}.gz").write_bytes(packed)
        resources.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
    mirror = Mirror(folder)
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [mirror.url])
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "resources", resources)
    yield mirror
    mirror.stop()
