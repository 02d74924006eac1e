"""Our J1939 node beside the loop: it hears what the receiver of the command bus keeps for it, and speaks through the transmitter.

The loop may drive from the moment the claim stands. When another NAME takes the address, nothing may be sent from it: standby.
When somebody else sends from our address while we drive, our commands can no longer be told from theirs: the stack stops.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from autonomy.runtime._loop import PERMISSION_DRIVE, PERMISSION_NONE, PERMISSION_STOP
from autonomy.runtime.trouble_codes import trouble_codes
from drivers.can.commanding.command_config import CommandConfig, own_name
from drivers.can.j1939.broadcast import Outbox
from drivers.can.j1939.identifier import REQUEST, parse
from drivers.can.j1939.node import DM1_NS, Node, NodeState
from drivers.can.j1939.partners import GROUPS, Partners

if TYPE_CHECKING:
    from autonomy.runtime.reception import Heard

HEARD = GROUPS | {REQUEST}
POLL_S = 0.02
Frame = tuple[int, bytes]  # identifier, data


def node_of(config: CommandConfig) -> Node:
    """Our node by the [command] table."""
    return Node(own_name(config), config.source_address)


class BusNode(threading.Thread):
    """`say(frames)` sends; `permit(permission)` tells the loop; `faults()` are those of Health; `moved(address)` is called when
    we had to take another address; `tell(line)` hears what partners say of themselves; `heard`: what the bus's receiver keeps for
    it, of the groups HEARD. In lockstep it is no thread: `work` is called with the rig's time."""

    def __init__(self, node: Node, bus: int, say: Callable[[list[Frame]], None], permit: Callable[[int], None],
                 faults: Callable[[], int], moved: Callable[[int], None] = lambda address: None,
                 tell: Callable[[str], None] = lambda line: None, heard: Heard | None = None):  # fmt: skip
        super().__init__(name="bus node", daemon=True)
        self.node, self.bus_number = node, bus
        self.partners = Partners()
        self._say, self._permit, self._faults, self._moved, self._tell = say, permit, faults, moved, tell
        self._address = node.address
        self._heard: deque[tuple[int, int, bytes]] = deque()
        self.heard = heard
        self._listen_to_ours()
        self._outbox = Outbox()
        self._next_report_ns = 0
        self._stopping = False
        permit(PERMISSION_NONE)

    def _listen_to_ours(self) -> None:
        if self.heard is not None:
            self.heard.address = self.node.address

    def may_send(self) -> bool:
        return self.node.may_send

    def hear(self, time_ns: int, identifier: int, data: bytes) -> None:
        """An extended frame of somebody else; few of them concern a node."""
        fields = parse(identifier)
        if fields.source == self.node.address or fields.pgn in HEARD:
            self._heard.append((time_ns, identifier, data))

    def work(self, now_ns: int) -> None:
        """All that has come and is due by now."""
        node = self.node
        if node.state is NodeState.SILENT:
            self._outbox.add(node.start(now_ns))
        if self.heard is not None:
            for frame in self.heard.frames():
                self.hear(*frame)
        while self._heard:
            frame = self._heard.popleft()
            self._outbox.add(node.receive(*frame))
            for line in self.partners.hear(*frame):
                self._tell(line)
        if node.address != self._address:
            self._address = node.address
            self._listen_to_ours()
            self._moved(node.address)
            self._tell(f"our address is {node.address:#04x} from now on: another NAME came before ours")
        if now_ns >= self._next_report_ns:  # a change is told at once, but not more often than once a second
            self._next_report_ns = now_ns + DM1_NS
            node.report(trouble_codes(self._faults()))
        self._outbox.add(node.step(now_ns))
        if node.may_send:
            self._outbox.add(self.partners.ask(now_ns, node.address))
        self._permit(PERMISSION_NONE if not node.may_send else PERMISSION_STOP if node.intruders else PERMISSION_DRIVE)
        if ready := self._outbox.due(now_ns):
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
