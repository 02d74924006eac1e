"""What a calibration gives: a table, JSON, and a configuration that includes the vehicle and puts the learned values in place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autonomy.calibration.drive import SHORTEST_S
from autonomy.calibration.row import Row
from autonomy.calibration.sensors import Quantity, SensorCalibration, as_overrides
from autonomy.calibration.steering import SteeringFit
from autonomy.calibration.truck import KEPT_SIGMA, LEARNED_SHARE, TruckCalibration

SIGMA_KEYS = {  # prior of each learned value in [ego]
    "mounting": "mounting_sigma", "speed_scale": "speed_scale_sigma", "gnss_position_delay_s": "gnss_position_delay_sigma_s",
    "gnss_velocity_delay_s": "gnss_velocity_delay_sigma_s", "wheel_delay_s": "wheel_delay_sigma_s", "axle_x_m": "axle_x_sigma_m",
}  # fmt: skip
SIGNIFICANT_SIGMAS = 2.0  # the antenna, which has no prior: nearer to the configured place, the drive says nothing against it


@dataclass(frozen=True)
class Calibration:
    log: Path
    sensors: SensorCalibration
    steering: SteeringFit | str  # a sentence when the drive says nothing of it
    truck: TruckCalibration = field(default_factory=TruckCalibration)

    def rows(self) -> list[Row]:
        return [self._sensor_row(item) for item in self.sensors.quantities] + self._steering_rows() + self.truck.rows

    def notes(self) -> list[str]:
        """What could not be found, a sentence each."""
        found = [self.sensors.lever_note] if self.sensors.lever_note else []
        return found + ([f"steering: {self.steering}"] if isinstance(self.steering, str) else []) + self.truck.notes

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": "autonomy.calibration/1",
            "log": str(self.log),
            "passes": len(self.sensors.passes),
            "quantities": [vars(row) for row in self.rows()],
            "notes": self.notes(),
            "overrides": self.overrides(),
        }

    def overrides(self) -> dict[str, Any]:
        """{"section.key": value} of everything that was learned, the narrower priors included."""
        used = [item for item in self.sensors.quantities if self._is_learned(item)]
        ego = self.sensors.passes[0].ego
        found = as_overrides(used)
        for item in used:
            if (key := SIGMA_KEYS.get(item.key)) is None:
                continue
            if item.index is None:
                found[f"ego.{key}"] = KEPT_SIGMA * item.sigma
            else:
                sigmas = found.setdefault(f"ego.{key}", list(ego[key]))
                sigmas[item.index] = KEPT_SIGMA * item.sigma
        for key in ("mounting", "antenna_from_imu_m"):  # parts that were not learned stay as they are
            if f"ego.{key}" in found:
                indices = {item.index for item in used if item.key == key}
                found[f"ego.{key}"] = [
                    value if place in indices else float(ego[key][place]) for place, value in enumerate(found[f"ego.{key}"])
                ]
        return found | {f"vehicle.{name}": self.steering.values[name] for name in self._steering_used()} | self.truck.values

    def to_toml(self, vehicle: str, given: dict[str, Any] | None = None) -> str:
        """A configuration that includes `vehicle` and puts what was learned, and `given` with --set, in its place."""
        import tomli_w

        sections: dict[str, dict[str, Any]] = {}
        for name, value in ((given or {}) | self.overrides()).items():
            section, _, key = name.partition(".")
            sections.setdefault(section, {})[key] = value
        lines = [
            f"# {vehicle} as {self.log.name} taught it: 'autonomy calibrate', {len(self.sensors.passes)} passes. For --config.",
        ]
        for row in self.rows():
            was = "" if row.configured is None else f", was {row.configured:.6g}"
            sigma = "" if row.sigma is None else f" +- {row.sigma:.2g}"
            lines.append(
                f"# {row.name}: {row.value:.6g}{sigma} {row.unit}".rstrip() + was + (f"; {row.note}" if row.note else "")
            )
        return "\n".join(lines) + "\n\n" + tomli_w.dumps({"include": [vehicle], **sections})

    def _is_learned(self, item: Quantity) -> bool:
        if not self.sensors.passes[0].is_long_enough:
            return False
        key = SIGMA_KEYS.get(item.key)
        if key is None:
            return abs(item.value - item.configured) > SIGNIFICANT_SIGMAS * item.sigma
        prior = self.sensors.passes[0].ego[key]
        return item.sigma <= LEARNED_SHARE * float(prior if item.index is None else prior[item.index])

    def _sensor_row(self, item: Quantity) -> Row:
        learned = self._is_learned(item)
        unused = "the drive did not narrow it" if item.key in SIGMA_KEYS else "not told from the configured place"
        if not self.sensors.passes[0].is_long_enough:
            unused = f"the drive is shorter than {SHORTEST_S:g} s"
        note = "" if learned else unused
        return Row(item.name, item.unit, item.value, item.sigma, item.configured, learned, note)

    def _steering_used(self) -> tuple[str, ...]:
        if isinstance(self.steering, str) or self._is_pushed_aside():
            return ()
        return tuple(name for name in ("steering_ratio", "understeer_gradient") if name not in self.steering.held)

    def _is_pushed_aside(self) -> bool:
        """A trailer pushes its tractor in bends, as other tyres would: the bicycle is not what drives there."""
        return bool(self.sensors.passes[0].vehicle.get("has_trailer"))

    def _steering_rows(self) -> list[Row]:
        if isinstance(self.steering, str):
            return []
        names = {
            "steering_ratio": ("steering ratio", "", "shown only: with a trailer it is not told from the tyres"),
            "understeer_gradient": (
                "understeer gradient",
                "s2/m",
                "held: the drive's speeds do not tell it"
                if "understeer_gradient" in self.steering.held
                else "shown only: the trailer's part in it changes with the load",
            ),
            "steering_offset_rad": ("steering wheel angle of straight driving", "rad", "found again on every drive"),
            "response_s": ("yaw rate behind the steering wheel", "s", "dead time and lags together; shown only"),
        }
        vehicle, fit, used = self.sensors.passes[0].vehicle, self.steering, self._steering_used()
        return [
            Row(title, unit, fit.values[name], None if name in fit.held else fit.sigmas[name], vehicle.get(name), name in used,
                "" if name in used else note)
            for name, (title, unit, note) in names.items()
        ]  # fmt: skip
