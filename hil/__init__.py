"""Hardware-in-the-loop: worlds, sensors, and the loop that closes over the stack. `hil.run(world, stack, sensors, ...)`."""

from __future__ import annotations


def __getattr__(name: str):
    if name == "run":
        from hil.loop.closed_loop import run

        return run
    raise AttributeError(f"module 'hil' has no attribute '{name}'")
