"""Which topic of a recording holds a sensor's packets: its own, or, in one that knew no names, that of its port."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from autonomy.errors import UsageError
from autonomy.perception.sensor_tables import PREFIX
from autonomy.perception.stages import ScanSensor

__all__ = ["recorded_topics"]


def recorded_topics(sensors: Sequence[ScanSensor], present: Collection[str], where: str) -> dict[str, str]:
    """Topic by sensor's name, of those that the recording has packets of: /raw/udp/roof, else /raw/udp/2368 as captures have it.

    `where`: the recording, for what is told. Raises UsageError when two sensors could be the one of a port.
    """
    found = {sensor.name: sensor.topic for sensor in sensors if sensor.topic in present}
    taken: dict[str, str] = {}
    for sensor in sensors:
        topic = f"{PREFIX}{sensor.port}"
        if sensor.name in found or topic not in present or topic in found.values():
            continue
        if topic in taken:
            raise UsageError(
                f"{where}: {topic} may be of the sensor {taken[topic]} or of {sensor.name}, which both have "
                f"port = {sensor.port}; give each its own port in the vehicle's file"
            )
        taken[topic] = sensor.name
    found |= {name: topic for topic, name in taken.items()}
    return {sensor.name: found[sensor.name] for sensor in sensors if sensor.name in found}
