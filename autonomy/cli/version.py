"""`autonomy version`: what is installed, for a bug report."""

from __future__ import annotations

import argparse
import json
import platform
import sys

PACKAGES = ("numpy", "scipy", "filterpy", "cantools", "python-can", "pyserial", "mcap", "msgspec", "jinja2")


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("version", help="versions of the stack, its layouts and its dependencies")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    from autonomy import __version__
    from autonomy.diagnosis import installed_version
    from autonomy.msg import layout_hash

    found = {
        "autonomy": __version__,
        "layout_hash": f"{layout_hash():016x}",
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: installed_version(name) for name in PACKAGES},
    }
    if arguments.json:
        json.dump(found, sys.stdout)
        print()
        return 0
    for key, value in found.items():
        if key != "packages":
            print(f"{key:<14}{value}")
    for name, version in found["packages"].items():
        print(f"  {name:<12}{version or 'not installed'}")
    return 0
