"""The truck's controllers as nodes of its bus: they claim their addresses, say who they are, and tell what is broken (DM1).

Pure, like `Node`: frames in with their times, frames out. What they obey is `CommandDecoder`'s affair.
"""

from __future__ import annotations

from collections.abc import Iterable

from autonomy.faults.timeline import LAMP_KINDS, Fault
from drivers.can.commanding.command_config import CommandConfig
from drivers.can.j1939.address import Name
from drivers.can.j1939.broadcast import Outbox
from drivers.can.j1939.diagnostics import TroubleCode
from drivers.can.j1939.identifier import COMBINATION_WEIGHT, COMPONENT_IDENTIFICATION, VEHICLE_IDENTIFICATION
from drivers.can.j1939.node import Node, NodeState

__all__ = ["Controllers"]

ON_HIGHWAY = 1
FUNCTIONS = {"engine": 0, "engine_brake": 12, "retarder": 12, "brake": 9, "gearbox": 3}  # of a NAME [M]
VIN = b"AUTONOMYDEMOTRUCK"
NOT_AVAILABLE = b"\xff\xff"
# A lamp's trouble codes, SPN and FMI [M]: service brake pressure in both circuits, more than one frame holds; an oil level
STOP_CODES, WARNING_CODES = (TroubleCode(1087, 1, 1, 0), TroubleCode(1088, 1, 1, 0)), (TroubleCode(98, 17, 1, 0),)


class Controllers:
    """Those that [command] names. `weight_kg` is what the brakes' controller has measured of the combination."""

    def __init__(self, config: CommandConfig, weight_kg: float):
        others = {"brake": config.brake, "gearbox": config.gearbox}
        parts = {**config.torques(), **{name: part for name, part in others.items() if part is not None}}
        self.nodes = {name: Node(Name(1 + number, 0, 0, number, FUNCTIONS[name], 0, 0, ON_HIGHWAY, False), part.address,
                                 "simulated", self._answers(name, weight_kg))
                      for number, (name, part) in enumerate(parts.items())}  # fmt: skip
        self._outboxes = {name: Outbox() for name in self.nodes}

    def hear(self, time_ns: int, identifier: int, data: bytes) -> None:
        for name, node in self.nodes.items():
            self._outboxes[name].add(node.receive(time_ns, identifier, data))

    def report(self, active: Iterable[Fault]) -> None:
        """The faults of the truck that are there now: whose lamp is on."""
        red, amber = ({int(fault.value) for fault in active if fault.kind == kind} for kind in LAMP_KINDS)
        for node in self.nodes.values():
            stop = node.address in red
            node.report(STOP_CODES if stop else WARNING_CODES if node.address in amber else (), stop)

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
