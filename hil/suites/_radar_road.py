"""What a lidar's rays through a place say of what stands there, and of bridges and gantries: approaches with radar and lidar.

The truck drives towards something that stands in its lane, on a straight and level road, in a bend, over a crest and through a
sag, with a radar that is off to one side by as much as its landmarks are. Whatever stands must never be taken for road.
"""

from __future__ import annotations

import math

import numpy as np

TUNING_SEEDS = tuple(range(1, 4))
SEEDS, QUICK_SEEDS = tuple(range(400, 412)), (400, 401)
SPEED_MPS, TURN_S = 22.0, 0.1
FROM_M, FREE_FROM_M, TO_M = 82.0, 400.0, 8.0  # from the truck's reference point to the near face
AIMS_M = (-0.8, 0.0, 0.8)  # where the radar says that it is, beside its middle
# Kind, size, the lightest paint it has: a black car with dirt on it sends back 2 %, and has no lamp that shines
THINGS = (("car", (4.6, 1.85, 1.5), None), ("car", (4.3, 1.75, 1.15), None), ("box", (4.6, 1.85, 1.4), 0.02),
          ("truck", (16.5, 2.55, 4.0), None), ("motorcycle", (2.2, 0.8, 1.5), None), ("box", (1.2, 1.0, 0.35), 0.05),
          ("queue", (4.6, 1.85, 1.5), None), ("nothing", (0.0, 0.0, 0.0), None))  # fmt: skip
OVERHEAD_M = 35.5, 42.0  # where bridges and gantries are asked for, on the way of those drives that nothing stands in
ROADS = ("straight", "bend", "crest", "sag")


def drives(quick: bool) -> list[tuple[int, int, str]]:
    seeds = QUICK_SEEDS if quick else SEEDS
    return [(seed, thing, ROADS[(seed + thing) % len(ROADS)]) for seed in seeds for thing in range(len(THINGS))]


def approach(chosen: tuple[int, int, str]) -> dict[str, int]:
    """Scans, places asked for and how many of them were taken for road; and the same of bridges and gantries."""
    from autonomy.perception.radar._road_seen import ROAD, RoadKernel

    from autonomy import config, msg
    from autonomy.perception.radar.parameters import RoadParameters
    from autonomy.perception.stages import stages_of
    from drivers.lidar.model import model
    from hil.lidar import bodies
    from hil.lidar.emulator import Emulator, Mounting
    from hil.lidar.scene import Scene
    from hil.lidar.weather import Weather

    seed, number, shape = chosen
    kind, size, dark = THINGS[number]
    truck = config.load("vehicles/demo_truck_lidar", {"radar.sensor": []})
    (stage,) = stages_of(truck).values()
    sensor, road = stage.sensor, _road(shape)
    scene = Scene.motorway(road, seed, weather=Weather(rain_mm_h=2.0 * (seed % 2)), wear=0.3 * (seed % 3))
    emulator = Emulator(model(sensor.model), Mounting(sensor.x_m, sensor.y_m, sensor.height_m), scene, seed,
                        start_azimuth=sensor.cut_azimuth_rad)  # fmt: skip
    bodies.PARTS["box"] = (bodies.PARTS["debris"][0][:6] + (dark, bodies.PARTS["debris"][0][7]),)
    kernel, ego = RoadKernel(RoadParameters()), np.zeros(1, msg.dtype("EgoState"))
    actors = _standing(road, kind, size, seed)
    found = {"scans": 0, "asked": 0, "denied": 0, "overhead_asked": 0, "overhead_seen": 0}
    s, time_ns = STANDS_AT_M - (FROM_M if actors else FREE_FROM_M), 10**9
    try:
        while s < STANDS_AT_M - TO_M:
            begin, end = _truth(road, s, time_ns, actors), _truth(road, s + SPEED_MPS * TURN_S, time_ns + 10**8, actors)
            turn = emulator.turn(begin, end)
            for packet in emulator.packets(turn, 1_767_614_400_000_000_000):
                stage.take(packet.tobytes(), time_ns + 10**8)
            ego["time_ns"], ego["yaw"], ego["velocity"] = time_ns, begin.ego.yaw, begin.velocity_enu()
            ego["angular_rate"][0, 2] = begin.ego.yaw_rate
            while stage.waits:
                stage.perceive(ego[0])
                look = stage.look_before(2**62)
                found["scans"] += 1
                for x, y in _places(begin.ego, actors):  # what waits ended where this turn begins
                    found["asked"] += 1
                    found["denied"] += kernel.look_through(look.points, look.labels, stage.eye, x, y) == ROAD
                for x, y in _overhead(scene, s) if kind == "nothing" else ():
                    found["overhead_asked"] += 1
                    found["overhead_seen"] += kernel.look_through(look.points, look.labels, stage.eye, x, y) == ROAD
            s, time_ns = s + SPEED_MPS * TURN_S, time_ns + 10**8
    finally:
        del bodies.PARTS["box"]
    return found


STANDS_AT_M = 500.0


def _road(shape: str):
    from hil.worlds.road import Road, Segment

    if shape == "bend":
        segments = [Segment(300.0, lanes=2), Segment(100.0, 1 / 600.0, lanes=2), Segment(700.0, 1 / 600.0, lanes=2)]
    elif shape in ("crest", "sag"):
        rise = 0.03 if shape == "crest" else -0.03
        segments = [Segment(360.0, grade=rise, lanes=2), Segment(200.0, grade=-rise, lanes=2),
                    Segment(540.0, grade=-rise, lanes=2)]  # fmt: skip
    else:
        segments = [Segment(1100.0, lanes=2)]
    return Road(segments)


def _standing(road, kind: str, size: tuple[float, float, float], seed: int) -> list:
    from hil.world import Actor

    actors, gap = [], 6.0
    for place in range({"queue": 3, "nothing": 0}.get(kind, 1)):
        s = STANDS_AT_M + 0.5 * size[0] + place * (size[0] + gap)
        x, y, heading, _ = road.at(s)
        offset = 0.3 * ((seed + place) % 3 - 1)
        name = "car" if kind == "queue" else kind
        actors.append(Actor(100 * seed + place + 1, name, x - offset * math.sin(heading), y + offset * math.cos(heading), heading,
                            0.0, 0.0, *size))  # fmt: skip
    return actors


def _truth(road, s: float, time_ns: int, actors: list):
    from hil.world import EgoTruth, Truth

    x, y, heading, curvature = road.at(s)
    ego = EgoTruth(x=x, y=y, z=road.value("z", s), yaw=heading, pitch=-math.atan(road.value("grade", s)),
                   roll=math.atan(road.value("bank", s)), velocity=SPEED_MPS, yaw_rate=SPEED_MPS * curvature)  # fmt: skip
    return Truth(time_ns, ego, actors=list(actors))


def _places(ego, actors: list) -> list[tuple[float, float]]:
    """Where a radar may say that the actors are: their near faces, to both sides of the middle."""
    c, sine = math.cos(ego.yaw), math.sin(ego.yaw)
    found = []
    for actor in actors:
        east, north = actor.x - 0.5 * actor.length * math.cos(actor.yaw), actor.y - 0.5 * actor.length * math.sin(actor.yaw)
        ahead, aside = c * (east - ego.x) + sine * (north - ego.y), c * (north - ego.y) - sine * (east - ego.x)
        found += [(ahead, aside + beside) for beside in AIMS_M]
    return found


def _overhead(scene, s: float) -> list[tuple[float, float]]:
    """Bridges and gantries ahead, straight before the radar."""
    from hil.radar.reflectors import OVERHEAD_FROM_M

    rows = scene.furniture[(scene.furniture["bottom"] > OVERHEAD_FROM_M)]
    ahead = rows["s"] - 0.5 * rows["length"] - s
    return [(float(place), 0.0) for place in np.unique(ahead[(ahead > OVERHEAD_M[0]) & (ahead < OVERHEAD_M[1])])]


def rows(quick: bool, jobs: int) -> list[dict]:
    from hil.suites._pool import mapped
    from hil.suites._row import row_of

    found = mapped(approach, drives(quick), jobs)
    total = {name: sum(one[name] for one in found) for name in found[0]}
    seeds = QUICK_SEEDS if quick else SEEDS
    share = total["overhead_seen"] / total["overhead_asked"] if total["overhead_asked"] else math.nan
    return [
        row_of(f"places of what stands, looked at by the lidar (seeds {seeds[0]} to {seeds[-1]})", total["asked"], ""),
        row_of("  of them taken for road", total["denied"], "", "0", total["denied"] == 0),
        row_of(f"bridges and gantries {OVERHEAD_M[0]:g} to {OVERHEAD_M[1]:g} m ahead: looks that see the road below, of "
               f"{total['overhead_asked']}", share, "", ">= 0.9", share >= 0.9),
    ]
