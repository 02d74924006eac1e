"""The recorder: a process of its own that empties a journal's rings into a log. A slow disk costs log, never who fills them.

It is forked before the first thread starts and shares the journal's rings. When the loop's process dies it writes what is
left and closes the log.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from autonomy.errors import EnvironmentFault
from autonomy.log.writer import LogWriter
from autonomy.runtime.journal import Journal
from autonomy.runtime.segments import Segments

POLL_S = 0.05
NICENESS = 5
ORDERLY_END_S = 30.0


class Recorder:
    """`open_log` is called in the recorder's process. Start it before any thread.

    `journal(log, rings, lines)` empties the rings: `drain()` writes what is there and returns how much, `counts` tells it all,
    `close()` ends what it has open beside the log.
    """

    def __init__(self, open_log: Callable[[], LogWriter | Segments], rings, lines: Sequence[str] = (),
                 journal: Callable = Journal):  # fmt: skip
        fork = multiprocessing.get_context("fork")
        self._ours, theirs = fork.Pipe()
        self._failure: EnvironmentFault | None = None
        self._process = fork.Process(target=_record, args=(open_log, rings, lines, journal, theirs, os.getpid()), name="recorder")
        self._process.start()
        theirs.close()
        try:
            self._answer("opening the log")
        except BaseException:  # Ctrl-C too: nobody would tell the child to end, and the exit of this process waits for it
            self._ours.close()
            self._process.kill()
            self._process.join()
            raise

    def look(self) -> list[str]:
        """Once, should it have failed: why. The log ends there; who fills the rings goes on."""
        if self._failure is None and self._ours.poll(0):
            try:
                self._answer("writing the log")
            except EnvironmentFault as fault:
                self._failure = fault
                return [str(fault)]
        return []

    def stop(self) -> dict[str, Any]:
        """Waits until everything is written; the journal's counts. Raises EnvironmentFault when that failed, now or before."""
        if self._failure is not None:
            self._process.join(ORDERLY_END_S)
            raise self._failure
        with contextlib.suppress(OSError):  # it is gone; what it said is still to be read
            self._ours.send("end")
        counts = self._answer("writing the log")
        self._process.join(ORDERLY_END_S)
        return counts

    def _answer(self, doing: str) -> dict[str, Any]:
        if not self._ours.poll(ORDERLY_END_S):
            self._process.kill()
            raise EnvironmentFault(f"the recorder was not done with {doing} after {ORDERLY_END_S:g} s; is the disk slow?")
        try:
            kind, answer = self._ours.recv()
        except EOFError:
            raise EnvironmentFault(f"the recorder's process died while {doing}; the log ends there") from None
        if kind == "error":
            raise EnvironmentFault(f"the recorder failed while {doing}: {answer}")
        return answer


def _record(open_log: Callable[[], LogWriter | Segments], rings, lines: Sequence[str], make_journal: Callable, pipe,
            parent: int) -> None:  # fmt: skip
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the loop tells when it is over
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(NICENESS)
    try:
        with open_log() as log:
            journal = make_journal(log, rings, lines)
            pipe.send(("open", {}))
            while not pipe.poll(0) and os.getppid() == parent:
                if not journal.drain():
                    time.sleep(POLL_S)
            while journal.drain():
                pass
            journal.close()
        answer = ("closed", journal.counts)
    except Exception as error:
        answer = ("error", str(error))
    with contextlib.suppress(OSError):  # nobody is there to hear it
        pipe.send(answer)
