"""Looks after a process beside the loop: one that died, or has not been heard for HANG_S, is started anew."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

__all__ = ["HANG_S", "RESTART_S", "Keeper"]

HANG_S = 3.0  # [D] a scan takes 0.05 to 0.2 s, a plan 0.004 to 0.02 s, also beside other work
RESTART_S = 1.0  # [D] between two starts of one that dies at once


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
