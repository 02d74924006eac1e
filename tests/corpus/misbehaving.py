"""Stand-ins for the replay of a log, named by the log: some of them end their process, some never end."""

from __future__ import annotations

import ctypes
import os
import signal

from autonomy.corpus.case import failed


def run_case(case, settings):
    kind = case.name.partition("-")[0]
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "segfault":
        ctypes.string_at(0)
    if kind == "hangs":
        while True:  # never returns to whoever waits
            pass
    if kind == "hangs_in_c":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        ctypes.PyDLL(None).pause()  # holds the interpreter's lock for good
    if kind == "exits":
        os._exit(3)
    row = failed(case, "", 0)
    return row | {"verdict": "pass", "reason": f"process {os.getpid()}", "machine": {"seconds": 0.0}}
