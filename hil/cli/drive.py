"""`autonomy hil run`: one drive in closed loop, in any world, at any level of the sensors."""

from __future__ import annotations

import argparse
import sys

from hil.cli.seed import seed

WORLD = "hil.worlds.motorway:Motorway"
LEVELS = {"perfect": "Perfect", "messages": "Messages", "bytes": "Bytes"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "scenario", nargs="?", metavar="SCENARIO", help="a TOML file or a packaged name; default: the world's own"
    )
    parser.add_argument("--world", default=WORLD, metavar="MODULE:CLASS", help=f"called without arguments; default {WORLD}")
    parser.add_argument(
        "--config", default="vehicles/demo_truck", metavar="FILE", help="the stack's; default vehicles/demo_truck"
    )
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="A.B=V", help="override one value of it")
    parser.add_argument("--level", choices=LEVELS, default="messages", help="of the sensors; default messages")
    parser.add_argument("--seed", type=seed, default=0, help="of world and sensors; the same seed gives the same bytes")
    parser.add_argument("--duration", type=float, metavar="S", help="default: the scenario's, else 60 s")
    parser.add_argument("--set-speed", type=float, metavar="M/S", help="asked of the stack; default: the scenario's")
    parser.add_argument("--cruise", action="store_true", help="with predictive cruise control, which knows the road's grade")
    parser.add_argument("--route", metavar="FILE", help="with --cruise: knows what this file of 'autonomy route learn' knows")
    parser.add_argument("--faults", metavar="TOML", help="fault timeline, a file or a packaged name; seconds from the first tick")
    parser.add_argument("-o", "--output", metavar="DIR", help="write output.mcap, result.json and report.html there")
    parser.add_argument("--no-report", action="store_true", help="leave report.html out")
    parser.add_argument("--junit", metavar="FILE", help="verdict as JUnit XML")
    parser.add_argument("--list", action="store_true", help="the packaged scenarios, nothing is run")
    parser.add_argument("--json", action="store_true", help="all figures as one JSON object on stdout")


def execute(arguments: argparse.Namespace) -> int:
    """Exit code of the verdict. Raises UsageError, BadInputError."""
    from pathlib import Path

    import hil
    from autonomy import Stack
    from autonomy.cli.outcome import tell
    from autonomy.config import parse_override
    from autonomy.errors import UsageError
    from autonomy.planning.route_grade import restore
    from autonomy.planning.stored_road import StoredRoad
    from autonomy.report.junit import write_junit
    from hil import sensors
    from hil.worlds import scenario
    from hil.worlds.plant_world import PlantWorld

    if arguments.list:
        for name in scenario.names():
            print(f"{name:<24}{scenario.load(name).title}")
        return 0
    world = make_world(arguments.world)
    stack = Stack.from_config(arguments.config, dict(parse_override(text) for text in arguments.overrides))
    level = getattr(sensors, LEVELS[arguments.level])
    senses = level(stack.config) if arguments.level == "perfect" else level(stack.config, arguments.seed)
    watch = None
    if arguments.route is not None and not arguments.cruise:
        raise UsageError("--route: says what the predictive cruise control knows; give --cruise too")
    if arguments.cruise:
        if not isinstance(world, PlantWorld):
            raise UsageError(f"--cruise: {arguments.world} tells no road ahead; leave one of the two out")
        stored = None if arguments.route is None else StoredRoad(restore(Path(arguments.route)))
        senses = sensors.WithCruise(senses, stack.parameters, world, stored)
        watch = senses.watch
    given = arguments.scenario
    if given is not None and hasattr(world, "scenario"):
        given = scenario.load(given)
    duration_s = arguments.duration
    if duration_s is None:
        duration_s = float(getattr(given, "duration_s", None) or getattr(world, "duration_s", None) or 60.0)
    if not 0.0 < duration_s <= 86400.0:
        raise UsageError(f"--duration {duration_s:g}: must lie between 0 and 86400 seconds")
    if arguments.set_speed is not None and not 0.0 <= arguments.set_speed <= 40.0:
        raise UsageError(f"--set-speed {arguments.set_speed:g}: give m/s from 0 to 40")
    output = Path(arguments.output) if arguments.output else None

    def begins():
        print(f"driving {duration_s:g} s in {type(world).__name__}, {arguments.level} ...", file=sys.stderr, flush=True)

    result = hil.run(world, stack, senses, duration_s, arguments.seed, arguments.faults, output, scenario=given,
                     set_speed_mps=arguments.set_speed, watch=watch, begins=begins,
                     report=not arguments.no_report)  # fmt: skip
    if arguments.junit:
        write_junit(Path(arguments.junit), result.metrics)
    tell(result.metrics, arguments.json)
    return result.exit_code


def make_world(name: str):
    """The world of `package.module:Class`. Raises UsageError."""
    import inspect
    from importlib import import_module

    from autonomy.errors import UsageError
    from hil.loop.world_answers import made_by

    module, separator, attribute = name.partition(":")
    if not separator or not module or not attribute:
        raise UsageError(f"--world {name}: write package.module:Class, such as {WORLD}")
    sys.path.insert(0, "")  # a module beside the user, as `python -m` would find it
    try:
        made = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise UsageError(f"--world {name}: {error}; give a module that Python finds from here") from None
    except AttributeError:
        raise UsageError(f"--world {name}: the module {module} has no {attribute}") from None
    finally:
        sys.path.remove("")
    missing = [method for method in ("reset", "step", "close") if not callable(getattr(made, method, None))]
    if missing:
        raise UsageError(f"--world {name}: is no world, it has no method {' and no '.join(missing)}; see hil/world.py")
    try:
        inspect.signature(made).bind()
    except TypeError as error:
        raise UsageError(f"--world {name}: {error}; it is called without arguments, so give them defaults") from None
    return made_by(f"--world {name}", made)
