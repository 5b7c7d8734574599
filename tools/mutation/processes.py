"""Run a command, and stop it with all that it started when it takes too much."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

# A change can make a program wait for ever or fill the memory.
WAIT_PER_SECOND, SHORTEST_WAIT = 8, 120
POLL = 0.25  # seconds
LONGEST_DEATH = 10
MEMORY = 5 * 2**30


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        status: Its exit status; None if it was stopped.
        stopped: Why it was stopped: "time", "memory" or "".
        seconds: The processor time of the command and all that it started.
        output: What it wrote.
    """

    status: int | None
    stopped: str
    seconds: float
    output: str


def _usage(process: psutil.Process) -> tuple[float, int]:
    """Give the seconds and the bytes of a process and of those below it."""
    seconds, memory = 0.0, 0
    for one in [process, *process.children(recursive=True)]:
        try:
            times = one.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
            memory += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return seconds, memory


def run(command: list[str], folder: Path, environment: dict[str, str], limit: float) -> Ended:
    """Run a command in a folder.

    Args:
        command: The command.
        folder: Where it runs.
        environment: Its environment variables.
        limit: Of processor time, in seconds; it does not grow while the machine does other work.
    """
    log = folder / "_output.txt"
    with log.open("w+b") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        watched = psutil.Process(process.pid)
        seconds, waited, stopped = 0.0, 0.0, ""
        try:
            while not stopped:
                begin = time.monotonic()
                try:
                    process.wait(POLL)
                    break
                except subprocess.TimeoutExpired:
                    now, memory = _usage(watched)
                    seconds = max(seconds, now)
                # Where the whole machine was put to sleep, or this process was, the command has not run either.
                waited += min(time.monotonic() - begin, 4 * POLL)
                if seconds > limit or waited > max(SHORTEST_WAIT, WAIT_PER_SECOND * limit):
                    stopped = "time"
                elif memory > MEMORY:
                    stopped = "memory"
        finally:
            _stop(watched)
            process.wait()
    text = log.read_text(encoding="utf-8", errors="replace")
    return Ended(None if stopped else process.returncode, stopped, seconds, text)


def _stop(process: psutil.Process) -> None:
    """End a process and those below it, a kernel among them; and its group, where the process itself is gone."""
    try:
        below = process.children(recursive=True)
    except psutil.NoSuchProcess:
        below = []
    for one in below:
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    # A killed process still runs until its processor looks at the signal; the next trial must not share the machine
    # with it.
    end = time.monotonic() + LONGEST_DEATH
    while any(map(_runs, below)) and time.monotonic() < end:
        time.sleep(POLL / 10)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
