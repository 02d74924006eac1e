"""The truck's controllers as nodes of its bus: they claim their addresses, say who they are, and tell what is broken (DM1).

Pure, like `Node`: frames in with their times, frames out. What they obey is `CommandDecoder`'s affair.
"""

from __future__ import annotations

from collections.abc import Iterable

from autonomy.faults.timeline import Fault
from drivers.can.commanding.command_config import CommandConfig
from drivers.can.j1939.address import Name
from drivers.can.j1939.broadcast import Outbox
from drivers.can.j1939.diagnostics import TroubleCode
from drivers.can.j1939.identifier import COMBINATION_WEIGHT, COMPONENT_IDENTIFICATION, VEHICLE_IDENTIFICATION
from drivers.can.j1939.node import Node, NodeState

__all__ = ["Controllers"]

ON_HIGHWAY = 1
FUNCTIONS = {"engine": 0, "engine_brake": 12, "retarder": 12, "brake": 9}  # of a NAME [M]
VIN = b"AUTONOMYDEMOTRUCK"
NOT_AVAILABLE = b"\xff\xff"
# What each broken part makes its controller tell: SPN and FMI [M], and whether its red lamp asks for a stop
TROUBLE = {
    ("engine_lost", 0): ("engine", (513, 7), True),
    ("retarder_lost", 0): ("retarder", (520, 7), False),
    ("brake_circuit_lost", 1): ("brake", (1087, 1), True),
    ("brake_circuit_lost", 2): ("brake", (1088, 1), True),
    ("brake_circuit_lost", 3): ("brake", (1086, 1), True),
}


class Controllers:
    """Those that [command] names. `weight_kg` is what the brakes' controller has measured of the combination."""

    def __init__(self, config: CommandConfig, weight_kg: float):
        parts = {**config.torques(), **({"brake": config.brake} if config.brake else {})}
        self.nodes = {name: Node(Name(1 + number, 0, 0, number, FUNCTIONS[name], 0, 0, ON_HIGHWAY, False), part.address,
                                 "simulated", self._answers(name, weight_kg))
                      for number, (name, part) in enumerate(parts.items())}  # fmt: skip
        self._outboxes = {name: Outbox() for name in self.nodes}

    def hear(self, time_ns: int, identifier: int, data: bytes) -> None:
        for name, node in self.nodes.items():
            self._outboxes[name].add(node.receive(time_ns, identifier, data))

    def report(self, broken: Iterable[Fault]) -> None:
        """The faults of the truck that are there now."""
        told: dict[str, list[TroubleCode]] = {name: [] for name in self.nodes}
        stop = dict.fromkeys(self.nodes, False)
        for fault in broken:
            name, code, is_red = TROUBLE.get((fault.kind, int(fault.value or 0)), ("", (0, 0), False))
            if name in told:
                told[name].append(TroubleCode(*code, 1, 0))
                stop[name] |= is_red
        for name, node in self.nodes.items():
            node.report(told[name], stop[name])

    def due(self, now_ns: int) -> list[tuple[int, bytes]]:
        """What they send by now."""
        ready = []
        for name, node in self.nodes.items():
            if node.state is NodeState.SILENT:
                self._outboxes[name].add(node.start(now_ns))
            self._outboxes[name].add(node.step(now_ns))
            ready += self._outboxes[name].due(now_ns)
        return ready

    @staticmethod
    def _answers(name: str, weight_kg: float) -> dict[int, bytes]:
        found = {COMPONENT_IDENTIFICATION: f"SIM*{name.replace('_', ' ')}*1**".encode()}
        if name == "engine":
            found[VEHICLE_IDENTIFICATION] = VIN + b"*"
        if name == "brake" and weight_kg > 0.0:
            found[COMBINATION_WEIGHT] = NOT_AVAILABLE + round(weight_kg / 10.0).to_bytes(2, "little")
        return found
