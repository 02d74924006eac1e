"""Hardware-in-the-loop: worlds, sensors, and the loop that closes over the stack. `hil.run(world, stack, sensors, ...)`."""

from __future__ import annotations

PARTS = ("sensors", "world")  # reached as `hil.<part>` after `import hil` alone; loaded when first asked for


def __getattr__(name: str):
    if name in PARTS:
        from importlib import import_module

        return import_module(f"hil.{name}")
    if name == "run":
        from hil.loop.closed_loop import run

        return run
    raise AttributeError(f"module 'hil' has no attribute '{name}'")
