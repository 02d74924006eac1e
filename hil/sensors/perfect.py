"""The truth as samples."""

from __future__ import annotations

from autonomy import config as configuration
from hil.sensors.messages import Messages
from hil.sensors.realism import SENSORS, Timing


class Perfect(Messages):
    """The truth itself, every tick, as samples. `config` as for Messages, by default the demonstration's truck."""

    noise = 0.0

    def __init__(self, config=None):
        super().__init__(config if config is not None else configuration.load("vehicles/demo_truck"))
        self.schedule = {kind: Timing(0.01, 0.0) for kind in SENSORS}
