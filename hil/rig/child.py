"""A program of a rig in a process of its own: words in, words out, and what it said when it failed.

It does not hear the terminal's Ctrl-C: the rig ends its programs in order.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

from autonomy.errors import BAD_INPUT, USAGE, AutonomyError, BadInputError, EnvironmentFault, UsageError

__all__ = ["Child"]

END_TIMEOUT_S = 30.0
ERROR = "autonomy: "  # how our programs begin what they end with
KINDS = {USAGE: UsageError, BAD_INPUT: BadInputError}  # by exit code; all others are of the machine


class Child:
    """`words`: behind the interpreter. Its stderr is read as it comes, for a full pipe would hold it up."""

    def __init__(self, *words: str):
        self.name = " ".join(words[1:3] if words[0] == "-m" else words[:1])
        self._process = subprocess.Popen([sys.executable, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True, start_new_session=True)  # fmt: skip
        self._said: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def expect(self, word: str) -> None:
        """Its next line on stdout. Raises what `failure` says."""
        line = self._process.stdout.readline().strip()
        if line != word:
            raise self.failure()

    def hear(self, beginning: str, tell: Callable[[str], None]) -> None:
        """Tells its lines on stderr up to the one that begins so; those of an error are told by `failure`, which is raised."""
        while (line := self._lines.get()) is not None:
            if not line.startswith(ERROR):
                tell(line.strip())
            if line.startswith(beginning):
                return
        raise self.failure()

    def say(self, line: str) -> None:
        """Onto its stdin; nothing to one that is gone, whose next answer tells it."""
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass

    def ask_to_end(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def rest(self) -> str:
        """What it says on stdout until its end, its stdin closed. Raises what `failure` says when that is nothing."""
        self._process.stdin.close()
        said = self._process.stdout.read()
        if not said.strip():
            raise self.failure()
        return said

    def end(self) -> None:
        """At once, should it still run: it hears that nobody is there any more, and that it shall end; one that does neither
        within END_TIMEOUT_S is killed."""
        if self._process.poll() is None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            self._process.terminate()
            try:
                self._process.wait(END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def failure(self) -> AutonomyError:
        """What it said before it ended, as an error of the kind its exit code tells."""
        try:
            code = self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return EnvironmentFault(f"{self.name} neither answered nor ended within {END_TIMEOUT_S:g} s")
        self._reader.join(END_TIMEOUT_S)
        errors = [line.removeprefix(ERROR) for line in self._said if line.startswith(ERROR)]
        said = "".join(errors or self._said).strip()
        return KINDS.get(code, EnvironmentFault)(said or f"{self.name} ended with exit code {code} and said nothing")

    def _read(self) -> None:
        for line in self._process.stderr:
            self._said.append(line)
            self._lines.put(line)
        self._lines.put(None)
