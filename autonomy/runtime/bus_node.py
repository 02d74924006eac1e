"""Our J1939 node beside the loop: it hears what the receiver of the command bus hands on, and speaks through the transmitter.

The loop may drive from the moment the claim stands. When another NAME takes the address, nothing may be sent from it: standby.
When somebody else sends from our address while we drive, our commands can no longer be told from theirs: the stack stops.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable

from autonomy.runtime._loop import PERMISSION_DRIVE, PERMISSION_NONE, PERMISSION_STOP
from autonomy.runtime.trouble_codes import trouble_codes
from drivers.can.commanding.command_config import CommandConfig
from drivers.can.j1939.address import Name
from drivers.can.j1939.broadcast import GAP_NS
from drivers.can.j1939.identifier import ADDRESS_CLAIMED, REQUEST, parse
from drivers.can.j1939.node import DM1_NS, Node, NodeState
from drivers.can.j1939.transport import TRANSPORT_GROUPS

ON_HIGHWAY = 1  # industry group
POLL_S = 0.02
Frame = tuple[int, bytes]  # identifier, data


def node_of(config: CommandConfig) -> Node:
    """Our node by the [command] table."""
    name = config.name
    return Node(Name(name.identity, name.manufacturer, 0, 0, name.function, 0, 0, ON_HIGHWAY, name.arbitrary_address),
                config.source_address)  # fmt: skip


class BusNode(threading.Thread):
    """`say(frames)` sends; `permit(permission)` tells the loop; `faults()` are those of Health. In lockstep it is no thread:
    `work` is called with the rig's time."""

    def __init__(self, node: Node, bus: int, say: Callable[[list[Frame]], None], permit: Callable[[int], None],
                 faults: Callable[[], int]):  # fmt: skip
        super().__init__(name="bus node", daemon=True)
        self.node, self.bus_number = node, bus
        self._say, self._permit, self._faults = say, permit, faults
        self._heard: queue.SimpleQueue[tuple[int, int, bytes]] = queue.SimpleQueue()
        self._due: deque[Frame] = deque()
        self._next_ns = 0  # packets of a long message are GAP_NS apart
        self._next_report_ns = 0
        self._stopping = False
        permit(PERMISSION_NONE)

    def may_send(self) -> bool:
        return self.node.may_send

    def hear(self, time_ns: int, identifier: int, data: bytes) -> None:
        """An extended frame of somebody else, from the receiver's thread; few of them concern a node."""
        fields = parse(identifier)
        if fields.source == self.node.address or fields.pgn in (ADDRESS_CLAIMED, REQUEST):
            self._heard.put((time_ns, identifier, data))

    def work(self, now_ns: int) -> None:
        """All that has come and is due by now."""
        node = self.node
        if node.state is NodeState.SILENT:
            self._due.extend(node.start(now_ns))
        while not self._heard.empty():
            self._due.extend(node.receive(*self._heard.get()))
        if now_ns >= self._next_report_ns:  # a change is told at once, but not more often than once a second
            self._next_report_ns = now_ns + DM1_NS
            node.report(trouble_codes(self._faults()))
        self._due.extend(node.step(now_ns))
        self._permit(PERMISSION_NONE if not node.may_send else PERMISSION_STOP if node.intruders else PERMISSION_DRIVE)
        ready = []
        while self._due:
            is_packet = parse(self._due[0][0]).pgn in TRANSPORT_GROUPS
            if is_packet and now_ns < self._next_ns:
                break
            if is_packet:
                self._next_ns = now_ns + GAP_NS
            ready.append(self._due.popleft())
        if ready:
            self._say(ready)

    def run(self) -> None:
        while not self._stopping:
            self.work(time.monotonic_ns())
            time.sleep(POLL_S)

    def stop(self) -> None:
        self._stopping = True

    def figures(self) -> dict[str, object]:
        return {"address": self.node.address, "state": self.node.state.value, "intruders": self.node.intruders}

    def complaints(self) -> list[str]:
        """Why a run with this node is no good."""
        node, found = self.node, []
        if node.state is NodeState.LOST:
            found.append(f"address {node.address:#04x} belongs to another: NAME {node.rival.number:016x} came before ours")
        if node.intruders:
            found.append(f"address {node.address:#04x}: {node.intruders} frames from it were not ours")
        return found
