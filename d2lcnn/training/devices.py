"""What differs from device to device: its precision, its name, and how one waits for it."""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from d2lcnn.training.convolutions import FastConvolutions

PRECISIONS = ("float32", "bfloat16", "auto")


@contextmanager
def autocast(device: torch.device, precision: str) -> Iterator[None]:
    """Run a forward pass at the wanted precision, within `with`.

    Args:
        device: Where the pass runs.
        precision: "float32", "bfloat16", or "auto": bfloat16 where the device computes in it natively.

    Raises:
        ValueError: If the precision is none of the three.

    Example:
        >>> cpu = torch.device("cpu")
        >>> with autocast(cpu, "bfloat16"):
        ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
        torch.bfloat16
    """
    if resolve_precision(device, precision) == "float32":
        yield
        return
    with torch.autocast(device.type, dtype=torch.bfloat16):
        if device.type == "cpu":
            with FastConvolutions():
                yield
        else:
            yield


def resolve_precision(device: torch.device, precision: str) -> str:
    """Say which precision "auto" means on a device.

    Args:
        device: Where to compute.
        precision: "float32", "bfloat16" or "auto".

    Raises:
        ValueError: If the precision is none of the three.

    Example:
        >>> resolve_precision(torch.device("cpu"), "float32")
        'float32'
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {PRECISIONS}, got {precision!r}.")
    if precision != "auto":
        return precision
    return "bfloat16" if _native_bfloat16(device) else "float32"


def _native_bfloat16(device: torch.device) -> bool:
    """Tell whether a device multiplies in bfloat16 itself; emulated, it would be slower than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return bool({"amx_bf16", "avx512_bf16"} & _cpu_flags())
    return False


def _cpu_flags() -> set[str]:
    """List the instruction sets that the CPU reports; empty where the system does not tell."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    flags = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    return set(flags.group(1).split()) if flags else set()


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that was asked of it.

    Args:
        device: The device; on a CPU there is nothing to wait for.

    Example:
        >>> synchronize(torch.device("cpu"))
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def device_name(device: torch.device) -> str:
    """Name the hardware behind a device, as its maker does.

    Args:
        device: The device.

    Example:
        >>> device_name(torch.device("cpu")) != ""
        True
    """
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"{_cpu_model()}, {threads} thread{'s' * (threads > 1)}"
    return f"{platform.machine()} {device.type}"


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return model.group(1) if model else platform.processor() or platform.machine()


class Stopwatch:
    """Adds up the time that a device spends between `start()` and `stop()`, without making it wait.

    A GPU does its work later than Python asks for it, so there CUDA events are put into its queue and read when
    the sum is wanted; elsewhere the clock on the wall serves.

    Args:
        device: The device to watch.

    Example:
        >>> watch = Stopwatch(torch.device("cpu"))
        >>> watch.start(); watch.stop()
        >>> watch.seconds() >= 0
        True
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._seconds = 0.0
        self._started = 0.0
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    def start(self) -> None:
        """Begin a stretch of work."""
        if self.device.type == "cuda":
            pair = (torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True))
            pair[0].record(torch.cuda.current_stream(self.device))
            self._events.append(pair)
        else:
            synchronize(self.device)
            self._started = time.perf_counter()

    def stop(self) -> None:
        """End the stretch."""
        if self.device.type == "cuda":
            self._events[-1][1].record(torch.cuda.current_stream(self.device))
        else:
            synchronize(self.device)
            self._seconds += time.perf_counter() - self._started

    def seconds(self) -> float:
        """Wait for the device and give the time of all stretches together."""
        synchronize(self.device)
        self._seconds += sum(begin.elapsed_time(end) for begin, end in self._events) / 1000
        self._events.clear()
        return self._seconds
