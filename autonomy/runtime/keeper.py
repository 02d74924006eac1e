"""Looks after a process beside the loop: one that died, or has not been heard for HANG_S, is started anew."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

__all__ = ["HANG_S", "RESTART_S", "Keeper", "has_to_end", "start_worker", "tell_to_end"]

HANG_S = 3.0  # [D] a scan takes 0.05 to 0.2 s, a plan 0.004 to 0.02 s, also beside other work
RESTART_S = 1.0  # [D] between two starts of one that dies at once
IDLE_S = 0.002
END = signal.SIGUSR2


class Worker(Protocol):
    def turn(self) -> bool:
        """Does what there is to do; False when there was nothing."""


def has_to_end(parent: int) -> Callable[[], bool]:
    """Of a keeper's process, once: asks whether its parent is gone or has said so (`tell_to_end`). Ctrl-C and a service
    manager's SIGTERM go to the whole group; the loop's process tells when it is over."""
    told: list[bool] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(END, lambda *_: told.append(True))
    return lambda: bool(told) or os.getppid() != parent


def tell_to_end(keeper: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(keeper, END)


def start_worker(make: Callable[[], Worker], priority: int = 0) -> int:
    """Forks a process that turns `make()` until its parent is gone; its id. For a process of one thread. `priority` of
    SCHED_FIFO, where that is allowed; 0: behind everything that has one."""
    parent = os.getpid()
    process = os.fork()
    if process:
        return process
    try:
        signal.signal(END, signal.SIG_DFL)
        with suppress(OSError):  # never that of the process it is forked from
            os.sched_setscheduler(0, os.SCHED_FIFO if priority else os.SCHED_OTHER, os.sched_param(priority))
        worker = make()
        while os.getppid() == parent:
            if not worker.turn():
                time.sleep(IDLE_S)
    finally:
        os._exit(1)


class Keeper:
    """Starts a process again that died or hangs. `start()` gives its id, `beat_ns()` when it was heard last."""

    def __init__(self, start: Callable[[], int], beat_ns: Callable[[], int], clock: Callable[[], int] = time.monotonic_ns):
        self._start, self._beat_ns, self._clock = start, beat_ns, clock
        self.restarts = -1
        self.process = self._started_ns = 0
        self._begin()

    def look(self) -> None:
        """To be called again and again."""
        now_ns = self._clock()
        heard_ns = max(self._beat_ns(), self._started_ns)
        if self.process and now_ns - heard_ns > HANG_S * 1e9:
            with suppress(ProcessLookupError):
                os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
            self.process = 0
        elif self.process and os.waitpid(self.process, os.WNOHANG)[0]:
            self.process = 0
        if not self.process and now_ns - self._started_ns > RESTART_S * 1e9:
            self._begin()

    def stop(self) -> None:
        if self.process:
            with suppress(ProcessLookupError):
                os.kill(self.process, signal.SIGKILL)  # it owns nothing but what is in its rings
            os.waitpid(self.process, 0)
            self.process = 0

    def _begin(self) -> None:
        self.process, self._started_ns = self._start(), self._clock()
        self.restarts += 1
