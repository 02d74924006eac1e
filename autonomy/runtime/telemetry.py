"""The live view of a run, in a process of its own: outputs of ticks through a ring, out over a WebSocket for Foxglove.

    telemetry = Telemetry(stack.parameters, ("127.0.0.1", 8765))     # before any thread
    Loop(..., outputs=telemetry.outputs)
    ...
    telemetry.stop()

    loop ─ ring of outputs ─ server ─ WebSocket
                               └─ kept by a process of one thread, which may fork

It is for the eye: a viewer that is slow, or a server that dies, costs pictures; the latter is told. Neither fails a run.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import time
from importlib.util import find_spec

import numpy as np

from autonomy import msg
from autonomy.errors import EnvironmentFault, MissingPackage
from autonomy.runtime.keeper import Keeper, has_to_end, start_worker, tell_to_end
from autonomy.runtime.scan_rings import shared
from drivers.ring import Ring

__all__ = ["Telemetry", "TelemetryWorker"]

OUTPUT = msg.dtype("OutputFrame")
OUTPUT_SLOTS = 1 << 6
POLL_S = 0.05
JOIN_S = 5.0
TELEMETRY_ACCOUNT = np.dtype([("beat_ns", "i8"), ("restarts", "i8"), ("moments", "i8")])


class Telemetry:
    """Of one run; without a place nothing is started. Raises MissingPackage, EnvironmentFault."""

    def __init__(self, parameters: np.ndarray, place: tuple[str, int] | None):
        self.place = place
        self.account = shared(TELEMETRY_ACCOUNT, 1)
        self.outputs: list[Ring] = []
        self._process = None
        self._told, self._is_gone = 0, False
        if place is None:
            return
        if find_spec("foxglove") is None:
            raise MissingPackage("run: --telemetry", "foxglove-sdk", "live")
        _is_free(place)
        self.outputs = [Ring(OUTPUT_SLOTS, OUTPUT.itemsize)]
        self._process = multiprocessing.get_context("fork").Process(
            target=_keep_forever, name="telemetry",
            args=(parameters["vehicle"], place, self.outputs[0], self.account[0], os.getpid()),
        )  # fmt: skip
        self._process.start()

    def __enter__(self) -> Telemetry:
        return self

    def __exit__(self, *exception) -> None:
        self.stop()

    def described(self) -> str | None:
        """Where it is to be seen: 'Foxglove: open connection ws://127.0.0.1:8765'."""
        return None if self.place is None else f"Foxglove: open connection ws://{self.place[0]}:{self.place[1]}"

    def look(self) -> list[str]:
        """News for whoever watches, once: that there is no view any more, or that it had to be started again."""
        if self._process is None:
            return []
        if not self._process.is_alive() and not self._is_gone:
            self._is_gone = True
            return [f"telemetry: its process died (exit code {self._process.exitcode}); there is no live view any more"]
        restarts = int(self.account["restarts"][0])
        news = [f"telemetry: its server died or hung {restarts} times and was started again"] * (restarts > self._told)
        self._told = restarts
        return news

    def stop(self) -> None:
        if self._process is not None:
            tell_to_end(self._process.pid)
            self._process.join(JOIN_S)
            self._process = None

    def figures(self) -> dict[str, int] | None:
        """None without it. `moments` shown, `restarts` of its process."""
        if self.place is None:
            return None
        told = {name: int(self.account[name][0]) for name in ("moments", "restarts")}
        return {"port": self.place[1], **told, "ticks_refused": self.outputs[0].refused}


class TelemetryWorker:
    """`turn()` shows what has come. `account`: a row of TELEMETRY_ACCOUNT."""

    def __init__(self, vehicle: np.void, place: tuple[str, int], ring: Ring, account: np.void):
        self.ring, self.account = ring, account
        account["beat_ns"] = time.monotonic_ns()
        self._outputs = np.zeros(OUTPUT_SLOTS, OUTPUT)
        from autonomy.viewers.live import LiveView  # in this process only: the stack is up before viewers are loaded

        self._view = LiveView(*place, vehicle)

    def turn(self) -> bool:
        """Whether there was anything to do; else the caller may sleep."""
        self.account["beat_ns"] = time.monotonic_ns()
        outputs = self._outputs[: self.ring.pop_many(self._outputs)]
        self.account["moments"] += self._view.write(outputs)
        return len(outputs) > 0

    def close(self) -> None:
        self._view.close()


def _is_free(place: tuple[str, int]) -> None:
    """Raises EnvironmentFault."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as node:
        node.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            node.bind(place)
        except OSError as error:
            raise EnvironmentFault(f"--telemetry {place[0]}:{place[1]}: {error.strerror}; give another address or port") from None


def _keep_forever(vehicle: np.void, place: tuple[str, int], ring: Ring, account: np.void, parent: int) -> None:
    """The keeper's process, until its parent is gone or tells it to end."""
    ends = has_to_end(parent)
    keeper = Keeper(lambda: start_worker(lambda: TelemetryWorker(vehicle, place, ring, account)), lambda: int(account["beat_ns"]))
    try:
        while not ends():
            time.sleep(POLL_S)
            keeper.look()
            account["restarts"] = keeper.restarts
    finally:
        keeper.stop()
