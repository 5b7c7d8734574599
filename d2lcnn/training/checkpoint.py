"""A training run's state between two epochs, on disk, so that an interruption costs at most one epoch."""

from __future__ import annotations

import contextlib
import glob
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor, nn

from d2lcnn.training.history import History

FORMAT = 3


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes its place only when it is complete; until then an older one stays as it is.

    One process at a time may write a file. What one that was killed left half-written is removed by the next.

    Args:
        path: Where the file shall stand in the end.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic_write(Path(folder, "note")) as file:
        ...         _ = file.write(b"done")
        ...     Path(folder, "note").read_bytes()
        b'done'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for half in path.parent.glob(f".{glob.escape(path.name)}.????????"):  # as mkstemp names them
        half.unlink()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp makes files that only their owner may read
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, RuntimeError) and isinstance(error.__context__, OSError):
            # Of a full disk torch.save says "unexpected pos 704 vs 598"; the system's own error is the one to read.
            raise error.__context__ from None
        raise


@contextlib.contextmanager
def locked(path: str | Path | None) -> Iterator[None]:
    """Keep a checkpoint for one run alone; a process that dies, however it dies, lets go of it.

    That the lock can be written shows besides, before any training, that the folder can.

    Args:
        path: The checkpoint; None locks nothing.

    Raises:
        OSError: If another run holds it, or the folder cannot be made or written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder, "state.pt")):
        ...     [path.name for path in Path(folder).iterdir()]
        ['state.pt.lock']
    """
    if path is None:
        yield
        return
    from filelock import FileLock, Timeout

    path = Path(path)
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise OSError(
            f"Another run is writing the checkpoint {path}. Wait for it, stop it, or give this run a file of its own."
        ) from error
    except OSError as error:
        raise OSError(
            f"The checkpoint {path} cannot be written ({error}). Nothing was trained yet: see to the folder's rights and "
            "the disk, or choose another place."
        ) from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Give the state of the generators that a run on a device draws from.

    Args:
        device: The device; its own generator is told besides the CPU's if it is a CUDA one.

    Example:
        >>> list(random_state(torch.device("cpu")))
        ['cpu']
    """
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def save_checkpoint(
    path: Path,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    history: History,
    run: dict[str, Any],
    rngs: list[dict[str, Tensor]],
) -> None:
    """Write all that the next epoch depends on: weights, optimizer, random numbers, and the history so far.

    Args:
        path: Where to write.
        net: The network.
        optimizer: Its optimizer.
        history: What has been measured so far.
        run: The settings that a continued run must share.
        rngs: `random_state` of each process.
    """
    state = {
        "format": FORMAT,
        "run": run,
        "net": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": history.to_dict(),
        "rngs": rngs,
    }
    with atomic_write(path) as file:
        torch.save(state, file)


def load_checkpoint(
    path: Path, net: nn.Module, optimizer: torch.optim.Optimizer, run: dict[str, Any], *, rank: int = 0
) -> History:
    """Put a network, its optimizer and the random numbers back to where a checkpoint was written.

    Args:
        path: The checkpoint.
        net: A network of the same build; it gets the saved weights.
        optimizer: Its optimizer; it gets the saved state.
        run: The settings of this run, which must be those of the saved one.
        rank: Number of this process among those that train together.

    Returns:
        The history up to the checkpoint.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, not a checkpoint, or belongs to another run. It stays where it is.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no checkpoint to resume from at {path}. Check the path, or leave out resume=."
        )
    try:
        with zipfile.ZipFile(path) as parts:  # torch.load itself compares no checksum
            damaged = parts.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"{damaged} is not what was written")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"The checkpoint {path} cannot be read ({type(error).__name__}); it is damaged or not a checkpoint. It was "
            "left where it is. To start over, remove it or leave out resume=."
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ValueError(f"{path} is not a training checkpoint of format {FORMAT}. It was left where it is.")
    differing = [
        f"{key}: {state['run'].get(key)!r} in the checkpoint, {value!r} now"
        for key, value in run.items()
        if state["run"].get(key) != value
    ]
    if differing:
        raise ValueError(
            f"The checkpoint {path} belongs to another run ({'; '.join(differing)}). "
            "Resume with its settings, or start a new run."
        )
    try:
        net.load_state_dict(state["net"])
    except RuntimeError as error:
        raise ValueError(f"The checkpoint {path} belongs to another network: {error}") from error
    optimizer.load_state_dict(state["optimizer"])
    rngs = state["rngs"][rank]
    torch.set_rng_state(rngs["cpu"])
    device = next(net.parameters()).device
    if device.type == "cuda" and "cuda" in rngs:
        torch.cuda.set_rng_state(rngs["cuda"], device)
    return History.from_dict(state["history"])
