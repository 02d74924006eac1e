"""How far, how near and how sharply each lidar sees: what its beam table (drivers.lidar) does not say. From data sheets [M]."""

from __future__ import annotations

from dataclasses import dataclass

from autonomy.errors import UsageError


@dataclass(frozen=True)
class Optics:
    reference_range_m: float  # a Lambert target of 10 % is seen every second time
    minimum_range_m: float
    maximum_range_m: float
    range_sigma_m: float
    divergence_mrad: float  # half angle
    pulse_m: float = 0.75  # 5 ns: nearer surfaces give one return


OPTICS = {
    "VLP-16": Optics(50.0, 0.5, 100.0, 0.015, 1.5),
    "VLP-32C": Optics(80.0, 0.6, 200.0, 0.015, 1.5),
    "VLS-128": Optics(150.0, 0.5, 245.0, 0.015, 1.2),
    "Pandar64": Optics(150.0, 0.5, 200.0, 0.015, 1.0),
    "XT32": Optics(80.0, 0.3, 120.0, 0.008, 1.2),
    "OS1-64": Optics(60.0, 0.5, 150.0, 0.012, 1.6),
    "OS1-128": Optics(60.0, 0.5, 150.0, 0.012, 1.6),
    "OS2-64": Optics(150.0, 1.0, 240.0, 0.020, 0.8),
    "OS2-128": Optics(150.0, 1.0, 240.0, 0.020, 0.8),
}


def optics_of(name: str) -> Optics:
    """Of a model, whatever its packets. Raises UsageError."""
    known = name.removesuffix("-dual").removesuffix("-legacy")
    if known not in OPTICS:
        raise UsageError(f"lidar emulator: optics of '{name}' are not known; there are {', '.join(OPTICS)}; or give optics=")
    return OPTICS[known]
