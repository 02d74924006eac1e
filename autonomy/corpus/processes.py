"""Runs cases in worker processes of this machine: a worker takes one after the other; a log that kills its worker harms no other.

The time-out is an alarm of the worker itself whose default action ends the process: it also ends a loop that never
returns to Python, and it does so when nobody is left to watch.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from importlib import import_module
from multiprocessing.connection import Connection, wait
from typing import Any

from autonomy.corpus.case import Case, Settings, failed
from autonomy.errors import FAIL, INTERNAL

FUNCTION = "autonomy.corpus.case:run_case"
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # the workers are the threads


def run(cases: list[Case], settings: Settings, jobs: int, function: str = FUNCTION) -> Iterator[dict[str, Any]]:
    """The row of every case, as they finish; cases start in the order given. Raises nothing for a case that goes wrong."""
    waiting = list(reversed(cases))
    workers: list[_Worker] = []
    try:
        workers += [_Worker(settings, function) for _ in range(min(jobs, len(waiting)))]
        for worker in workers:
            worker.give(waiting.pop())
        while any(worker.case for worker in workers):
            busy = {worker.connection: worker for worker in workers if worker.case}
            for connection in wait(list(busy)):
                worker = busy[connection]
                row = worker.take()
                if row is None:
                    row = failed(worker.case, *_death(worker, settings))
                    workers[workers.index(worker)] = worker = _Worker(settings, function)
                worker.case = None
                if waiting:
                    worker.give(waiting.pop())
                yield row
    finally:
        for worker in workers:
            worker.end()


class Runner:
    """One worker for cases one at a time, started anew after each that it did not survive."""

    def __init__(self, settings: Settings, function: str = FUNCTION):
        self._settings, self._function = settings, function
        self._worker = _Worker(settings, function)

    def run(self, case: Case) -> dict[str, Any]:
        """The case's row, whatever happens to the worker."""
        self._worker.give(case)
        row = self._worker.take()
        if row is None:
            row = failed(case, *_death(self._worker, self._settings))
            self._worker = _Worker(self._settings, self._function)
        self._worker.case = None
        return row


class _Worker:
    def __init__(self, settings: Settings, function: str):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, settings, function), daemon=True)
        with _environment(dict.fromkeys(ONE_THREAD, "1")):
            self.process.start()
        theirs.close()
        self.case: Case | None = None

    def give(self, case: Case) -> None:
        self.case = case
        with contextlib.suppress(BrokenPipeError):  # it died between two cases: `take` will say so
            self.connection.send(case)

    def take(self) -> dict[str, Any] | None:
        """The finished row; None when the process died."""
        try:
            return self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            return None

    def end(self) -> None:
        self.connection.close()
        if self.case is not None:
            self.process.kill()
        self.process.join()


def _work(connection: Connection, settings: Settings, function: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who gives the cases ends the run
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    run_one = load(function)
    while True:
        try:
            case = connection.recv()
        except (EOFError, ConnectionResetError):
            return
        with alarm(time_out_s(case, settings)):
            row = run_one(case, settings)
        try:
            connection.send(row)
        except BrokenPipeError:
            return


@contextlib.contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Ends this process when the block takes longer; zero means no limit."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def time_out_s(case: Case, settings: Settings) -> float:
    return settings.time_out_s if case.time_out_s is None else case.time_out_s


def load(function: str) -> Callable[[Case, Settings], dict[str, Any]]:
    """The function named `package.module:function`."""
    module, _, name = function.partition(":")
    return getattr(import_module(module), name)


def timed_out(case: Case, settings: Settings) -> str:
    return f"timed out: not finished within {time_out_s(case, settings):g} s"


def _death(worker: _Worker, settings: Settings) -> tuple[str, int]:
    """Why the worker is gone, and the exit code that its case gets."""
    code = worker.process.exitcode
    if code == -signal.SIGALRM:
        return timed_out(worker.case, settings), FAIL
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
        return f"its process was ended by {name}{hint}", INTERNAL
    return f"its process ended with exit code {code}", INTERNAL


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Variables that the processes started in the block inherit, where the user has not set them."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
