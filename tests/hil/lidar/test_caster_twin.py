"""The kernel (_caster) against a plain ray that marches over the road's own functions and enters boxes by their faces."""

from __future__ import annotations

import math

import numpy as np
import pytest

from drivers.lidar.model import model
from hil.lidar import Emulator, Label, Mounting, Scene, caster_twin, primitives
from hil.lidar.emulator import beams
from tests.hil.lidar.scenes import EXACT, actor_at, turn_of, winding

ROAD = winding()
RAYS = 60
GRASS_M = 1.3  # along a ray: the twin's grass is flat
HEIGHT_M = 0.005  # that a cell of the kernel's road may be off


def world_bodies(window, rows: np.ndarray) -> np.ndarray:
    """Bodies of the window's frame in the world's, in double precision."""
    wide = [
        (name, "f8", kind.shape) if kind.base == np.float32 else (name, kind) for name, (kind, *_) in rows.dtype.fields.items()
    ]
    found = np.zeros(len(rows), wide)
    for name in rows.dtype.names:
        found[name] = rows[name]
    c, s = math.cos(window.yaw), math.sin(window.yaw)
    for name, origin in (("centre", window.origin), ("velocity", np.zeros(3))):
        x, y, z = rows[name].astype(float).T
        found[name] = np.column_stack([c * x - s * y, s * x + c * y, z]) + origin
    found["cosine"], found["sine"] = c * rows["cosine"] - s * rows["sine"], s * rows["cosine"] + c * rows["sine"]
    return found


def compared(name: str, seed: int, speed: float, mounting: Mounting, returns: int = 1):
    """(kernel's, twin's) range, label and instance of random rays of one turn."""
    random = np.random.default_rng(seed)
    scene = Scene.motorway(ROAD, seed)
    place = random.uniform(120.0, 700.0)
    actors = [actor_at(ROAD, place + random.uniform(-60.0, 90.0), offset, number, kind, random.uniform(0.0, 30.0), size)
              for number, (kind, offset, size) in enumerate([("car", 3.5, (4.6, 1.85, 1.5)), ("truck", 7.0, (16.5, 2.55, 4.0)),
                                                             ("pedestrian", -3.5, (0.5, 0.6, 1.75))], start=1)]  # fmt: skip
    begin, end = turn_of(ROAD, place, speed, actors, offset=random.uniform(-1.0, 4.0))
    end.ego.yaw, end.ego.roll, end.ego.pitch = begin.ego.yaw + 0.02, begin.ego.roll + 0.01, begin.ego.pitch - 0.01
    emulator = Emulator(model(name), mounting, scene, seed, optics=EXACT, returns=returns)
    turn = emulator.turn(begin, end)
    window = emulator.window_of(begin.ego)
    places = primitives.placed(actors, window)
    bodies = world_bodies(window, np.concatenate([window.furniture, primitives.of_actors(actors, places)]))
    beam, origin, delay = beams(emulator.model, 2.0 * math.pi / emulator.columns)
    yaws = -np.unwrap(turn.azimuth)
    rows = []
    for column, ring in zip(
        random.integers(emulator.columns, size=RAYS), random.integers(emulator.model.rings, size=RAYS), strict=True
    ):
        if turn.labels[column, ring, 0] == Label.OWN:
            continue
        seconds = emulator.column_offset_ns[column] * 1e-9
        pose = turn.poses[0] + seconds / 0.1 * (turn.poses[1] - turn.poses[0])
        start, direction = caster_twin.ray(
            pose, (np.array([mounting.x_m, mounting.y_m, mounting.z_m]), mounting.turn()), beam[ring], origin[ring], yaws[column]
        )
        start = start + (turn.poses[1] - turn.poses[0])[:3] / 0.1 * delay[ring]
        expected = caster_twin.cast(scene, bodies, start, direction, place, seconds, 0.0)
        rows.append(
            (
                float(turn.range_m[column, ring, 0]),
                int(turn.labels[column, ring, 0]),
                int(turn.instances[column, ring, 0]),
                *expected,
            )
        )
    return rows


@pytest.mark.parametrize("name", ["VLP-16", "VLP-32C", "VLS-128", "Pandar64", "XT32", "OS1-64"])
def test_the_kernel_meets_what_a_plain_ray_meets(name):
    rows = compared(name, seed=len(name) + ord(name[-1]), speed=25.0, mounting=Mounting(pitch=0.05, yaw=0.1, roll=-0.02))
    agree = 0
    for distance, label, instance, twin_range, twin_label, twin_instance, cosine in rows:
        if twin_range > EXACT.maximum_range_m:
            agree += distance == 0.0
            continue
        allowed = GRASS_M if twin_label == Label.VERGE else 0.01 + HEIGHT_M / max(cosine, 0.02)
        agree += abs(distance - twin_range) < allowed and (label, instance) == (twin_label, twin_instance)
    # A ray that grazes an edge or crosses a stripe's rim by a millimetre may fall to the other side
    assert agree >= len(rows) - 2, [
        tuple(map(float, row)) for row in rows if row[3] < 250 and (abs(row[0] - row[3]) > 0.05 or row[1] != row[4])
    ]
