"""Samples as raw bytes: what a kind has no serial port for goes on CAN, by the vehicle's own [can] and [serial] tables."""

from __future__ import annotations

import math

import numpy as np

from autonomy import config as configuration
from autonomy import msg
from autonomy.errors import UsageError
from autonomy.perception.lidar_calibration import model_of
from autonomy.perception.stages import sensors_of
from drivers.serial.route_config import PREFIX, ports_of, read
from hil.lidar.scene import Scene
from hil.sensors.lane_camera import LaneCamera
from hil.sensors.lidar_line import LidarLine
from hil.sensors.messages import SIGNALS, Dropouts, Messages
from hil.sensors.powertrain import engine_reference_nm
from hil.sensors.radar_line import RadarLine
from hil.sensors.realism import (
    BRAKE_SOURCE,
    ENGINE_BRAKE_REFERENCE_NM,
    ENGINE_BRAKE_SOURCE,
    ENGINE_SOURCE,
    RETARDER_REFERENCE_NM,
    RETARDER_SOURCE,
    SHAFT_SOURCE,
    STABILITY_ERRORS,
    STEERING_SOURCE,
)
from hil.sensors.records import RawRecord
from hil.sensors.serial_line import SerialLine
from hil.world import Truth

SIGNAL_NAMES = {number: name for name, number in SIGNALS.items()}
# The driver's switches in CCVS1: cruise control on, nothing pressed
DRIVER_AT_REST = {"parking_brake_switch": 0, "brake_switch": 0, "cruise_control_enable_switch": 1,
                  "cruise_control_set_switch": 0}  # fmt: skip


class Bytes(Messages):
    """J1939 on bus 0, the sensors' own messages on bus 1, a lane camera on the bus whose DBC has one; GNSS and IMU on the
    serial ports the vehicle file has for them; packets of its lidars and radars. With any of these the sensors `look_at` the
    world before the first truth: rays and waves meet its road with all that stands there, and a radar sees rails, bridges,
    mirror images and noise beside road users. Without [radar] the radar is one on bus 1 that tells road users alone.

    `scan_lead_ns`: so long before they leave the packets are given."""

    over_bus = True

    def __init__(self, config, seed: int = 0, dropouts: Dropouts | None = None, scan_lead_ns: int = 0):
        config = configuration.loaded(config)
        super().__init__(config, seed, dropouts)
        from drivers.can.router import Router

        self.codec = Router.from_config(config).codec
        self.camera = LaneCamera.of(config, self.codec)
        if self.camera is None:
            del self.schedule["lane"]
        self.frame = np.zeros(1, msg.dtype("CanFrame"))
        serial = read(config.sections.get("serial", {}), config.path)
        scanners = sensors_of(config)
        self.lidars, self.radars = ([sensor for sensor in scanners if sensor.kind == kind] for kind in ("lidar", "radar"))
        self.lidar_models = [model_of(sensor, config) for sensor in self.lidars]
        if self.radars:
            del self.schedule["radar"]
        self.seed, self.scan_lead_ns = seed, scan_lead_ns
        self.scan_lines: list[LidarLine] = []
        self.radar_lines: list[RadarLine] = []
        self.lines = [SerialLine(port, [item for item in serial.port if item.port == port]) for port in ports_of(serial)]
        self.serial_kinds = {kind for item in serial.port for kind in item.kinds}
        self.told: dict[str, float] = {}
        self.engine_reference_nm = engine_reference_nm(config)
        self.imu_count = 0
        self.stability = np.random.default_rng([seed, 4])
        self.radar_count = 0
        self.radar_time = 0

    @property
    def channels(self) -> list[str]:
        buses = [0, 1] if self.camera is None else [0, 1, self.camera.bus]
        scanned = [sensor.topic for sensor in (*self.lidars, *self.radars)]
        return [*(f"/raw/can/{bus}" for bus in buses), *(PREFIX + line.port for line in self.lines), *scanned]

    def look_at(self, world) -> None:
        """What stands along the road of a world, for lidars and radar. Raises UsageError."""
        if not self.lidars and not self.radars:
            return
        if not hasattr(world, "road"):
            whose = f"the lidar '{self.lidars[0].name}'" if self.lidars else f"the radar '{self.radars[0].name}'"
            raise UsageError(f"{type(world).__name__}: tells no road, so {whose} of the vehicle file has nothing to see; take a "
                             "vehicle file without [lidar] and [radar]")  # fmt: skip
        scene = Scene.of_world(world, self.seed)
        self.scan_lines = [LidarLine(sensor, scene, self.seed + place, self.scan_lead_ns, lidar)
                           for place, (sensor, lidar) in enumerate(zip(self.lidars, self.lidar_models, strict=True))]  # fmt: skip
        self.radar_lines = [RadarLine(sensor, scene, self.seed + place, self.scan_lead_ns)
                            for place, sensor in enumerate(self.radars)]  # fmt: skip

    def sense(self, truth: Truth) -> list[RawRecord]:
        return [*self.speak(truth), *self.scan(truth)]

    def speak(self, truth: Truth) -> list[RawRecord]:
        """What buses and lines carry."""
        records = []
        for kind, row in self._arrived(truth):
            time_ns = int(row["received_time_ns"][0])
            if kind in self.serial_kinds:
                for line in self.lines:
                    line.send(kind, row[0], time_ns)
                continue
            for bus, message, values, address in getattr(self, f"_{kind}_messages")(row[0]):
                records.append(self._record(time_ns, bus, message, values, address))
        for line in self.lines:
            records += line.read(truth.time_ns)
        return records

    def scan(self, truth: Truth) -> list[RawRecord]:
        """What lidars and radars send. Raises UsageError."""
        if len(self.scan_lines) + len(self.radar_lines) < len(self.lidars) + len(self.radars):
            whose = f"lidar '{self.lidars[0].name}'" if self.lidars else f"radar '{self.radars[0].name}'"
            raise UsageError(f"sensors: the {whose} has no world to see; call look_at(world) first")
        records: list[RawRecord] = []
        for lidar in self.scan_lines:
            records += lidar.read(truth)
        for radar in self.radar_lines:
            records += radar.read(truth, self._drops_out("radar", truth))
        return records

    def _record(self, time_ns: int, bus: int, message: str, values: dict[str, float], address: int | None) -> RawRecord:
        identifier, data = self.codec.encode(message, values, bus=bus, source_address=address)
        frame = self.frame[0]
        frame["time_ns"], frame["id"], frame["bus"], frame["length"] = time_ns, identifier, bus, len(data)
        frame["data"] = np.frombuffer(data.ljust(8, b"\0"), np.uint8)
        return RawRecord(time_ns, f"/raw/can/{bus}", frame.tobytes())

    def _imu_messages(self, row):
        self.imu_count = (self.imu_count + 1) % 16
        for message, quantity in (("IMU_ACCELERATION", "acceleration"), ("IMU_ANGULAR_RATE", "angular_rate")):
            values = {f"{quantity}_{axis}": float(row[f"{quantity}_{axis}"]) for axis in "xyz"}
            yield 1, message, values | {"counter": self.imu_count}, None

    def _wheel_messages(self, row):
        speed = float(row["vehicle_speed"]) * 3.6
        if int(row["source"]) == 0:
            switches = DRIVER_AT_REST | {"brake_switch": int(self.told.get("BRAKE_SWITCH", 0.0))}
            yield 0, "CCVS1", {"wheel_based_vehicle_speed": speed, **switches}, 0
            return
        relative = {f"relative_speed_{wheel}": 0.0 for wheel in ("front_left", "front_right", "rear1_left", "rear1_right")}
        yield 0, "EBC2", {"front_axle_speed": speed, **relative}, 11

    def _shaft_messages(self, row):
        yield 0, "ETC1", {"output_shaft_speed": float(row["shaft_speed"]) * 30.0 / math.pi, "clutch_slip": 0.0,
                          "driveline_engaged": int(row["driveline_engaged"]),
                          "shift_in_progress": int(row["shift_in_progress"])}, SHAFT_SOURCE  # fmt: skip

    def _signal_messages(self, row):
        """Each message goes out behind the last of its signals."""
        name, value = SIGNAL_NAMES[int(row["signal"])], float(row["value"])
        self.told[name] = value
        percent = 100.0 / self.engine_reference_nm
        if name == "ENGINE_TORQUE":
            yield 0, "EEC1", {"engine_speed": self.told.get("ENGINE_SPEED", 0.0) * 30.0 / math.pi,
                              "actual_engine_torque": percent * value}, ENGINE_SOURCE  # fmt: skip
        elif name == "ENGINE_FRICTION_TORQUE":
            yield 0, "EEC3", {"nominal_friction_torque": percent * value}, ENGINE_SOURCE
        elif name == "ENGINE_BRAKE_TORQUE":
            yield 0, "ERC1", {"actual_retarder_torque": 100.0 * value / ENGINE_BRAKE_REFERENCE_NM}, ENGINE_BRAKE_SOURCE
        elif name == "RETARDER_TORQUE":
            yield 0, "ERC1", {"actual_retarder_torque": 100.0 * value / RETARDER_REFERENCE_NM}, RETARDER_SOURCE
        elif name == "TRAILER_CONNECTED":
            yield 1, "TRAILER_STATUS", {"connected": value}, None
        elif name == "BRAKE_PRESSURE_2":
            pressures = {f"service_brake_pressure_{k}": 1e-3 * self.told[f"BRAKE_PRESSURE_{k}"] for k in (1, 2)}
            yield 0, "AIR1", pressures, BRAKE_SOURCE
        elif name == "GEAR_RATIO":
            yield 0, "ETC2", {"actual_gear_ratio": value, "current_gear": self.told.get("GEAR", 0.0)}, SHAFT_SOURCE
        elif name == "TRACTION_CONTROL_ACTIVE":
            yield 0, "EBC1", {"brake_pedal_position": 100.0 * self.told["BRAKE_PEDAL"],
                              "abs_active": int(self.told["ABS_ACTIVE"]),
                              "asr_brake_control_active": int(value)}, BRAKE_SOURCE  # fmt: skip

    def _steering_messages(self, row):
        yaw_rate, lateral, longitudinal = (
            value + self.noise * (offset + sigma * self.stability.standard_normal())
            for value, (offset, sigma) in zip(self.motion, STABILITY_ERRORS, strict=True)
        )
        yield 0, "VDC2", {"steering_wheel_angle": float(row["steering_wheel_angle"]), "yaw_rate": yaw_rate,
                          "lateral_acceleration": lateral,
                          "longitudinal_acceleration": longitudinal}, STEERING_SOURCE  # fmt: skip
        yield 1, "STEERING_STATUS", {"road_wheel_angle": self.road_wheel_angle, "follows": 1}, None

    def _gnss_messages(self, row):
        if int(row["validity"]):
            yield 1, "GNSS_STATUS", {"fix_type": 0, "satellites": int(row["satellites"])}, None
            return
        yield 1, "GNSS_POSITION", {"latitude": float(row["latitude_deg"]), "longitude": float(row["longitude_deg"])}, None
        yield 1, "GNSS_VELOCITY", {f"velocity_{axis}": float(row[f"velocity_{axis}"]) for axis in ("east", "north", "up")}, None
        yield 1, "GNSS_ALTITUDE", {"altitude": float(row["altitude_m"]), "speed": float(row["speed"]),
                                   "course": float(row["course_deg"])}, None  # fmt: skip
        yield 1, "GNSS_STATUS", {"position_sigma": float(row["position_sigma"]), "altitude_sigma": float(row["altitude_sigma"]),
                                 "speed_sigma": float(row["speed_sigma"]), "course_sigma": float(row["course_sigma_deg"]),
                                 "fix_type": int(row["fix_type"]), "satellites": int(row["satellites"])}, None  # fmt: skip

    def _lane_messages(self, row):
        for message, values in self.camera.messages(row):
            yield self.camera.bus, message, values, None

    def _radar_messages(self, row):
        time_ns = int(row["received_time_ns"])
        self.radar_count = self.radar_count + 1 if time_ns == self.radar_time else 0
        self.radar_time = time_ns
        if self.radar_count < 16:
            values = {name: float(row[name]) for name in ("x", "y", "range_rate", "target_id", "is_new")}
            yield 1, f"RADAR_TARGET_{self.radar_count}", values | {"valid": 1}, None

