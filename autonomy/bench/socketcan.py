"""Processor time of a frame received on SocketCAN beside a loop that reads and forgets, where there is a vcan0.

`make socketcan` runs it in a kernel that has one (docs/socketcan.md).
"""

from __future__ import annotations

import socket
import time
from pathlib import Path

import numpy as np

from autonomy import msg
from autonomy.bench.measuring import row

CPU_AIM, BURST, BURSTS = 1.5, 8000, 40


def rows() -> list[dict]:
    """One row a figure: {kernel, ours_ns, peer, peer_version, peer_ns, ratio, aim, met}; none without a vcan0."""
    if not Path("/sys/class/net/vcan0").exists():
        return []
    from drivers.can._socketcan import RawCan

    from drivers.can.socketcan import SocketCan
    from drivers.can.transport import room

    sender, ours = SocketCan("vcan0"), SocketCan("vcan0")
    plain = RawCan(socket.if_nametoindex("vcan0"), receive_buffer_bytes=1 << 23)
    frames, (classic, fd) = np.zeros(BURST, msg.dtype("CanFrame")), room(BURST)
    frames["length"] = 8
    spent = {"ours": 0.0, "plain": 0.0}
    count = {"ours": 0, "plain": 0}
    for _ in range(BURSTS):
        sender.send(frames, 10.0)
        began = time.process_time()
        while sum(taken := ours.receive(classic, fd, 0.0)):
            count["ours"] += sum(taken)
        middle = time.process_time()
        count["plain"] += plain.drain_plainly()
        spent["ours"] += middle - began
        spent["plain"] += time.process_time() - middle
    for node in (sender, ours, plain):
        node.close()
    ours_ns, plain_ns = (1e9 * spent[name] / count[name] for name in spent)
    whole = count == {"ours": BURST * BURSTS, "plain": BURST * BURSTS}
    return [
        row("SocketCAN receive, processor time a frame", ours_ns, ("recvmmsg that forgets", None, plain_ns),
             f"<= {CPU_AIM:g}x", ours_ns <= CPU_AIM * plain_ns),
        row(f"... {BURSTS} bursts of {BURST} frames", None, None, "none lost", whole),
    ]  # fmt: skip
