"""What a lidar is, as data: where its beams point, when they fire, and how its packets are laid out.

A spinning lidar fires a *column*: every laser once, at one stated azimuth. Azimuths count clockwise seen from above. A laser of
ring r, fired in a column of azimuth a, looks to the yaw (counter-clockwise from x)

    zero_yaw - (a + azimuth_offset[r] + azimuth rate * firing_time[r])

where the last term counts only for models whose packets state the azimuth of the column's beginning (`is_azimuth_at_start`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from autonomy.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

FAMILIES = ("velodyne", "hesai", "ouster")  # one module each, with MODELS; their numbers in ext/drivers/lidar/_tables.pxd


@dataclass(frozen=True)
class Beams:
    """Of each channel, in the order of the packet. Angles in degrees, as data sheets give them, lengths in m."""

    elevation_deg: tuple[float, ...]
    azimuth_offset_deg: tuple[float, ...]  # clockwise
    range_offset_m: tuple[float, ...] = ()  # added to what the packet says
    vertical_offset_m: tuple[float, ...] = ()  # where the beam begins, at a right angle to it, upwards
    horizontal_offset_m: tuple[float, ...] = ()  # to the left
    forward_offset_m: tuple[float, ...] = ()  # along the azimuth without its offset

    def __post_init__(self) -> None:
        count = len(self.elevation_deg)
        for name in ("range_offset_m", "vertical_offset_m", "horizontal_offset_m", "forward_offset_m"):
            if not getattr(self, name):
                object.__setattr__(self, name, (0.0,) * count)


@dataclass(frozen=True)
class Pixel:
    """Where the fields of an Ouster's pixel stand, of each return: byte offsets."""

    distance_at: tuple[int, ...]
    intensity_at: tuple[int, ...]
    distance_mask: int


@dataclass(frozen=True)
class PacketShape:
    """Blocks of one azimuth and `channels` returns each, as all vendors have them. Sizes in bytes."""

    size: int
    header: int
    blocks: int
    block_size: int
    block_header: int
    channels: int  # of a block; a column may take several blocks, or a block hold several columns
    channel_size: int  # distance (uint16), intensity (uint8), and what else
    columns: int  # of a packet with one return of each laser
    dual_columns: int
    pixel: Pixel | None = None  # of an Ouster


@dataclass(frozen=True)
class LidarModel:
    name: str
    family: str
    beams: Beams
    firing_time_ns: tuple[int, ...]  # of each channel after its column's time
    column_period_ns: int
    first_column_ns: tuple[int, int]  # the time of a packet's first column after the packet's own: one return, two
    zero_yaw_deg: float
    is_azimuth_at_start: bool
    azimuth_units: int  # of a turn
    range_resolution_m: float
    range_limit_m: float  # what the data sheet promises
    shape: PacketShape
    height_m: float = 0.0  # of the beams' frame in the sensor's

    @property
    def rings(self) -> int:
        return len(self.beams.elevation_deg)

    def with_beams(self, beams: Beams) -> LidarModel:
        """The same lidar as one of its calibration files has measured it."""
        return replace(self, beams=beams)

    def channel_of_ring(self) -> np.ndarray:
        """[rings] place within the packet of each ring, the lowest first."""
        import numpy as np

        return np.argsort(np.array(self.beams.elevation_deg), kind="stable")

    def ring_of_channel(self) -> np.ndarray:
        """[rings] the ring of each place within the packet."""
        import numpy as np

        rings = np.empty(self.rings, np.uint8)
        rings[self.channel_of_ring()] = np.arange(self.rings)
        return rings

    def elevation_rad(self) -> np.ndarray:
        """[rings] upwards."""
        import numpy as np

        return np.radians(np.array(self.beams.elevation_deg)[self.channel_of_ring()])

    def azimuth_offset_rad(self) -> np.ndarray:
        """[rings] clockwise, after the column's azimuth."""
        import numpy as np

        return np.radians(np.array(self.beams.azimuth_offset_deg)[self.channel_of_ring()])

    def firing_ns(self) -> np.ndarray:
        """[rings] after the column's time."""
        import numpy as np

        return np.array(self.firing_time_ns, np.int64)[self.channel_of_ring()]

    def beam_yaw_rad(self, azimuth: np.ndarray, rate: float) -> np.ndarray:
        """[columns, rings] where each beam looks, counter-clockwise from x; `azimuth` [columns] in rad, `rate` in rad/s."""
        import numpy as np

        turned = self.azimuth_offset_rad() + (self.firing_ns() * 1e-9 * rate if self.is_azimuth_at_start else 0.0)
        return math.radians(self.zero_yaw_deg) - (np.asarray(azimuth)[:, None] + turned)

    def beam_origin_m(self, azimuth: np.ndarray) -> np.ndarray:
        """[columns, rings, 3] where each beam begins, in the sensor's frame; `azimuth` [columns] in rad."""
        import numpy as np

        order, of = self.channel_of_ring(), self.beams
        offsets = (of.forward_offset_m, of.vertical_offset_m, of.horizontal_offset_m)
        forward, above, left = (np.array(values)[order] for values in offsets)
        column_yaw = math.radians(self.zero_yaw_deg) - np.asarray(azimuth)[:, None]
        yaw, elevation = column_yaw - self.azimuth_offset_rad(), self.elevation_rad()
        x = forward * np.cos(column_yaw) - above * np.sin(elevation) * np.cos(yaw) - left * np.sin(yaw)
        y = forward * np.sin(column_yaw) - above * np.sin(elevation) * np.sin(yaw) + left * np.cos(yaw)
        return np.stack([x, y, np.broadcast_to(above * np.cos(elevation) + self.height_m, x.shape)], axis=-1)

    def columns(self, rate_hz: float, count: int, time_ns: int = 0, azimuth: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """(azimuth in rad, time in ns), [count] each: the columns it fires from then on, turning that often a second.

        Azimuths are those its packets can state.
        """
        import numpy as np

        times = time_ns + np.arange(count, dtype=np.int64) * self.column_period_ns
        units = (azimuth / (2.0 * math.pi) + (times - time_ns) * 1e-9 * rate_hz) * self.azimuth_units
        return np.round(units) % self.azimuth_units * (2.0 * math.pi / self.azimuth_units), times


@cache
def models() -> dict[str, LidarModel]:
    """Every model by its name."""
    return {one.name: one for family in FAMILIES for one in import_module(f"drivers.lidar.{family}").MODELS}


def model(name: str) -> LidarModel:
    """The model of that name. Raises UsageError."""
    found = models().get(name)
    if found is None:
        raise UsageError(f"no lidar '{name}'; there are {', '.join(models())}")
    return found
