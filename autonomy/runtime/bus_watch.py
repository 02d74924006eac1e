"""CAN controllers that went off the bus come back: looked at now and then, restarted with pauses that grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autonomy.errors import EnvironmentFault
from drivers.can.socketcan import BusOffGuard

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.can.transport import Transport

BUS_OFF = "bus off"


class BusWatch:
    """`look()` gives news in words. Buses whose transport follows no controller are left alone."""

    def __init__(self, buses: dict[int, Transport], guard: Callable[[str], BusOffGuard] = BusOffGuard):
        self._watched = {number: (bus, guard(bus.channel)) for number, bus in buses.items() if hasattr(bus, "controller")}
        self._off: set[int] = set()

    def look(self, now_s: float) -> list[str]:
        news = []
        for number, (bus, guard) in self._watched.items():
            is_off = bus.controller.state == BUS_OFF
            if is_off and number not in self._off:
                news.append(f"bus {number}: its controller went off the bus; it is restarted")
            if not is_off and number in self._off:
                news.append(f"bus {number}: its controller is back")
            (self._off.add if is_off else self._off.discard)(number)
            try:
                guard.look(bus.controller, now_s)
            except EnvironmentFault as error:
                news.append(str(error))
                guard.give_up()
        return news
