"""Ctrl-C and SIGTERM end a program in order; SIGUSR1 marks an event, where that is wanted."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

__all__ = ["orderly_end"]


@contextlib.contextmanager
def orderly_end(stop: Callable[[], object], mark: Callable[[], object] | None = None) -> Iterator[None]:
    """While it lasts `stop` and `mark` are called instead. Only the main thread may say so: in others nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    acts = {signal.SIGINT: stop, signal.SIGTERM: stop} | ({} if mark is None else {signal.SIGUSR1: mark})
    before = {number: signal.signal(number, lambda *_, act=act: act()) for number, act in acts.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
