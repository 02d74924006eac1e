"""The rig's own latency: numbered messages from one end of a bus, a socket or a line to the other, one at a time.

What a measurement with the rig cannot see below. From just before the send to the moment the reader has the message, both in
this process; a reader that is late counts, as it does in use.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from autonomy.errors import FAIL, PASS, UsageError
from autonomy.msg import dtype
from autonomy.runtime import realtime
from autonomy.runtime.figures import percentiles_us
from drivers.can.interface_kind import is_virtual
from drivers.can.tables import EXTENDED
from drivers.can.transport import Transport, open_transport, room

__all__ = ["CanLink", "Link", "PtyLink", "UdpLink", "lines", "loopback", "measure"]

NUMBER_BYTES = 8
PROBE_ID = EXTENDED | 0x1CFFFFF0  # J1939 proprietary B at the lowest priority but one: nobody's measurement
HISTOGRAM_US = 100_000
PATIENCE_S = 1.0
NS = 1_000_000_000


class Link(Protocol):
    """Two ends. `receive` gives the numbers that have come, waiting for the first one."""

    name: str

    def send(self, number: int) -> None: ...

    def receive(self, timeout_s: float) -> list[int]: ...

    def close(self) -> None: ...


class CanLink:
    """Two nodes on one channel, or on two that are wired together."""

    def __init__(self, interface: str, channels: list[str], nodes: tuple[Transport, Transport] | None = None):
        self.name = f"{interface} {' > '.join(channels)}"
        self._sender, self._receiver = nodes or (open_transport(interface, channels[0]), open_transport(interface, channels[-1]))
        self._row = np.zeros(1, dtype("CanFrame"))
        self._row["id"], self._row["length"] = PROBE_ID, NUMBER_BYTES
        self._rows, self._fd_rows = room(64)

    def send(self, number: int) -> None:
        self._row["data"][0] = np.frombuffer(number.to_bytes(NUMBER_BYTES, "little"), np.uint8)
        self._sender.send(self._row, PATIENCE_S)

    def receive(self, timeout_s: float) -> list[int]:
        count, _ = self._receiver.receive(self._rows, self._fd_rows, timeout_s)
        rows = self._rows[:count]
        return np.ascontiguousarray(rows["data"][rows["id"] == PROBE_ID]).view("<u8").reshape(-1).tolist()

    def close(self) -> None:
        self._sender.close()
        self._receiver.close()


class UdpLink:
    """Loopback's own latency, for comparison."""

    name = "udp 127.0.0.1"

    def __init__(self):
        self._receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._receiver.bind(("127.0.0.1", 0))
        self._sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sender.connect(self._receiver.getsockname())

    def send(self, number: int) -> None:
        self._sender.send(number.to_bytes(NUMBER_BYTES, "little"))

    def receive(self, timeout_s: float) -> list[int]:
        if not select.select([self._receiver], [], [], timeout_s)[0]:
            return []
        return [int.from_bytes(self._receiver.recv(64), "little")]

    def close(self) -> None:
        self._sender.close()
        self._receiver.close()


class PtyLink:
    """A pseudo terminal."""

    name = "pty"

    def __init__(self):
        import tty

        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self._rest = b""

    def send(self, number: int) -> None:
        os.write(self._ours, number.to_bytes(NUMBER_BYTES, "little"))

    def receive(self, timeout_s: float) -> list[int]:
        if select.select([self._theirs], [], [], timeout_s)[0]:
            self._rest += os.read(self._theirs, 4096)
        whole = len(self._rest) // NUMBER_BYTES * NUMBER_BYTES
        found, self._rest = self._rest[:whole], self._rest[whole:]
        return np.frombuffer(found, "<u8").tolist()

    def close(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)


@dataclass
class LoopbackOptions:
    interface: str | None
    channels: list[str]
    udp: bool = False
    pty: bool = False
    count: int = 1000
    period_s: float = 0.001
    arm: bool = False


def loopback(options: LoopbackOptions, tell: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """All links one after the other. Raises UsageError, EnvironmentFault."""
    makers: list[Callable[[], Link]] = []
    if options.channels:
        if options.interface is None or len(options.channels) > 2:
            raise UsageError("hil loopback: give -i INTERFACE and one channel, or two that are wired together")
        real = [name for name in options.channels if not is_virtual(options.interface, name)]
        if real and not options.arm:
            raise UsageError(f"hil loopback: {options.interface} {real[0]} leaves this machine; give --arm to send on it")
        makers.append(lambda: CanLink(options.interface, options.channels))
    makers += [UdpLink] * options.udp + [PtyLink] * options.pty
    if not makers:
        raise UsageError("hil loopback: over what? give -i INTERFACE -c CHANNEL, --udp or --pty")
    found = []
    for make in makers:
        link = make()
        try:
            tell(f"{link.name} ...")
            found.append(measure(link, options.count, options.period_s))
        finally:
            link.close()
    reasons = [f"{item['link']}: {item['sent'] - item['received']} of {item['sent']} lost" for item in found
               if item["received"] != item["sent"]]  # fmt: skip
    reasons += [f"{item['link']}: {item['out_of_order']} out of order" for item in found if item["out_of_order"]]
    verdict, code = ("fail", FAIL) if reasons else ("pass", PASS)
    return {"verdict": verdict, "exit_code": code, "reasons": reasons, "links": found}


def measure(link: Link, count: int, period_s: float, clock_ns: Callable[[], int] = time.monotonic_ns,
            wait: Callable[[float], None] = time.sleep) -> dict[str, Any]:  # fmt: skip
    """{"link", "sent", "received", "out_of_order", "latency_us"} of `count` messages."""
    begun_ns, taken_ns = np.zeros(count, np.int64), np.zeros(count, np.int64)
    order: list[int] = []
    ended = threading.Event()

    def read() -> None:
        realtime.raise_priority(realtime.PRIORITY)
        while len(order) < count:
            numbers = link.receive(0.1)
            now_ns = clock_ns()
            for number in numbers:
                if 0 <= number < count:
                    taken_ns[number] = now_ns
                    order.append(number)
            if ended.is_set() and not numbers:
                return

    reader = threading.Thread(target=read, name="loopback", daemon=True)
    reader.start()
    first_ns = clock_ns()
    for number in range(count):
        left_s = (first_ns + number * period_s * NS - clock_ns()) / NS
        if left_s > 0:
            wait(left_s)
        begun_ns[number] = clock_ns()
        link.send(number)
    reader.join(PATIENCE_S)
    ended.set()
    reader.join()
    arrived = taken_ns > 0
    late_ns = (taken_ns - begun_ns)[arrived]
    counts = np.bincount(np.clip(late_ns // 1000, 0, HISTOGRAM_US), minlength=1)
    return {"link": link.name, "sent": count, "received": int(arrived.sum()),
            "out_of_order": int(np.count_nonzero(np.diff(order) < 0)) if order else 0,
            "latency_us": percentiles_us(counts, int(late_ns.max(initial=0))), "histogram_us": counts.tolist()}  # fmt: skip


def lines(found: dict[str, Any]) -> list[str]:
    """A table and, for each link, its histogram by powers of two."""
    from autonomy.cli.can.table import table

    rows = []
    for item in found["links"]:
        late = item["latency_us"]
        numbers = ["-" if late[name] is None else f"{late[name]:.0f}" for name in ("p50", "p99", "p99.9", "max")]
        rows.append([item["link"], str(item["sent"]), str(item["received"]), *numbers])
    shown = table(["link", ">sent", ">received", ">p50 us", ">p99", ">p99.9", ">max"], rows)
    for item in found["links"]:
        shown += ["", item["link"], *_histogram(np.array(item["histogram_us"]))]
    return [*shown, "", f"verdict      {found['verdict']}" + (f": {'; '.join(found['reasons'])}" if found["reasons"] else "")]


def _histogram(counts: np.ndarray) -> list[str]:
    edges = 2 ** np.arange(0, 18)
    sums = [int(counts[low:high].sum()) for low, high in zip([0, *edges], [*edges, None], strict=True)]
    used = np.flatnonzero(sums)
    if not len(used):
        return ["  nothing arrived"]
    found = []
    for place in range(used[0], used[-1] + 1):
        low = 0 if place == 0 else int(edges[place - 1])
        found.append(f"  from {low:>6} us {sums[place]:>8}  " + "#" * round(50 * sums[place] / max(sums)))
    return found
