"""Hardware-in-the-loop rig: worlds, sensor emulation and the closed loop.

    import hil
    result = hil.run(world, stack, hil.sensors.Messages(config, seed), duration_s=60.0)
"""


def __getattr__(name: str):
    """`hil.run` (of closed_loop.py) and the submodules, loaded when first asked for."""
    import importlib

    if name == "run":
        return importlib.import_module("hil.closed_loop").run
    if name in ("closed_loop", "drive", "metrics", "sensors", "truth", "world"):
        return importlib.import_module(f"hil.{name}")
    raise AttributeError(f"module 'hil' has no attribute '{name}'")
