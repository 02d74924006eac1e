"""One radar from packets to samples: decode, screen, tell. What LidarStage is for a lidar, and under the same rules.

    stage = RadarStage(sensor)
    stage.take(packet, received_ns)
    while stage.waits:
        perceived = stage.perceive(ego)      # the newest EgoState before this packet

A packet is a whole scan of the radar, measured `latency_s` before it came; what is kept of it is there `delay_s` later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from autonomy.msg import constants, dtype
from autonomy.perception.perceived import NS, Perceived
from autonomy.perception.radar.processing import RadarProcessor
from autonomy.perception.radar.sensors import RadarSensor
from autonomy.perception.stage import LidarStage
from autonomy.perception.waiting_scans import WaitingScans
from drivers.radar.decoder import Ars548Decoder

MOVING = constants("RadarDetection")["LABEL_MOVING"]
MOST_POINTS = dtype("RadarInput")["items"].shape[0]


class RadarStage(WaitingScans[np.ndarray]):
    """`lidars`: stages whose scans may show that the road is free where something is said to stand (processing.see_road)."""

    def __init__(self, sensor: RadarSensor, lidars: Sequence[LidarStage] = ()):
        super().__init__()
        self.sensor, self.lidars = sensor, lidars
        self._looked_ns = [0 for _ in lidars]  # at scans up to this time
        self.decoder = Ars548Decoder()
        self.processor = RadarProcessor(sensor.mounting())
        self.left_out = 0  # detections that found no room among the samples, since the start

    def take(self, packet: bytes, received_time_ns: int) -> None:
        """One datagram. Lists of the sensor's own objects are passed over."""
        for scan in self.decoder.feed(packet, received_time_ns):
            if len(scan.detections) or not len(scan.objects):
                self._scans.append((scan.detections, received_time_ns))

    def take_run(self, data: np.ndarray, offsets: np.ndarray, lengths: np.ndarray, received_time_ns: np.ndarray,
                 begin: int) -> int:  # fmt: skip
        """Datagrams in one buffer of bytes, from number `begin` on, up to one that is a scan; returns the next one's number."""
        for number in range(begin, len(offsets)):
            offset = int(offsets[number])
            self.take(data[offset : offset + int(lengths[number])].tobytes(), int(received_time_ns[number]))
            if self.waits:
                return number + 1
        return len(offsets)

    def perceive(self, ego: np.void) -> Perceived:
        """The oldest scan that waits; `ego`: the EgoState before its packet."""
        detections, arrived_ns = self._scans.popleft()
        valid_ns = arrived_ns - round(self.sensor.latency_s * NS)
        received_ns = arrived_ns + round(self.sensor.delay_s * NS)
        speed, yaw_rate = _motion(ego)
        processed = self.processor.process(detections, valid_ns, speed, yaw_rate)
        if math.isfinite(speed):
            self._look(arrived_ns, valid_ns, speed, yaw_rate)
        rows = self._points(processed.kept, valid_ns, received_ns)
        return Perceived(valid_ns, received_ns, {"radar": rows} if len(rows) else {})

    def _look(self, now_ns: int, valid_ns: int, speed: float, yaw_rate: float) -> None:
        """At the newest scan of each lidar that is there before `now_ns`, once."""
        for place, lidar in enumerate(self.lidars):
            look = lidar.look_before(now_ns)
            if look is not None and self._looked_ns[place] < look.valid_time_ns:
                self._looked_ns[place] = look.valid_time_ns
                elapsed_s = (valid_ns - look.valid_time_ns) / NS
                self.processor.see_road(look.points, look.labels, lidar.eye, elapsed_s, speed, yaw_rate)

    def _points(self, kept: np.ndarray, valid_ns: int, received_ns: int) -> np.ndarray:
        """(n,) of RadarPoint in the vehicle's frame: what moves first, then what is near."""
        kept = kept[np.lexsort((kept["range"], kept["label"] != MOVING))]
        self.left_out += max(len(kept) - MOST_POINTS, 0)
        kept = kept[:MOST_POINTS]
        sensor, points = self.sensor, np.zeros(len(kept), dtype("RadarPoint"))
        azimuth = kept["azimuth"] + sensor.yaw
        flat = kept["range"] * np.where(np.isfinite(kept["elevation"]), np.cos(kept["elevation"]), 1.0)
        points["x"], points["y"] = sensor.x_m + flat * np.cos(azimuth), sensor.y_m + flat * np.sin(azimuth)
        points["x_sigma"] = points["y_sigma"] = np.nan  # a road user's is what the tracker knows; a point's says little of it
        points["range_rate"], points["target_id"] = kept["range_rate"], kept["target_id"]
        points["valid_time_ns"], points["received_time_ns"], points["source"] = valid_ns, received_ns, sensor.source
        return points


def _motion(ego: np.void) -> tuple[float, float]:
    """Speed along the vehicle's x and yaw rate; NaN and 0 while nothing is known of them."""
    east, north, _ = ego["velocity"].tolist()
    speed, yaw_rate = math.cos(ego["yaw"]) * east + math.sin(ego["yaw"]) * north, float(ego["angular_rate"][2])
    return (speed, yaw_rate) if ego["time_ns"] and math.isfinite(speed + yaw_rate) else (math.nan, 0.0)
