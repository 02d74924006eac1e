"""`import hil` alone is enough for what the interface names, in an interpreter that has loaded nothing else of it."""

from __future__ import annotations

import subprocess
import sys

AS_WRITTEN = """
import hil
from autonomy import Stack

config, seed = "vehicles/demo_truck", 1
truth = hil.world.Truth(time_ns=10**9)
for sensors in (hil.sensors.Messages(config, seed), hil.sensors.Perfect(), hil.sensors.Bytes(config, seed)):
    sensors.sense(truth)


class World:
    def reset(self, seed, scenario=None):
        self.truth = hil.world.Truth(time_ns=10**9)
        return self.truth

    def step(self, actuation, dt_s):
        self.truth.time_ns += round(dt_s * 1e9)
        return self.truth

    def close(self):
        pass


stack, duration_s = Stack.from_config(config), 0.1
run = hil.run(World(), stack, hil.sensors.Messages(config, seed), duration_s, seed=0, faults=None, output_dir=None)
print(run.verdict, run.exit_code)
"""


def _python(lines: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, timeout=120)


def test_sensors_and_worlds_are_there_after_import_hil_alone():
    done = _python(AS_WRITTEN)
    assert (done.returncode, done.stdout) == (0, "inconclusive 5\n"), done.stderr


def test_import_hil_alone_loads_neither():
    done = _python("import sys, hil; print([name for name in sys.modules if name.startswith('hil.')])")
    assert done.stdout == "[]\n", done.stderr


def test_what_hil_does_not_have_is_told_by_name():
    done = _python("import hil; hil.sensor")
    assert "module 'hil' has no attribute 'sensor'" in done.stderr
