import numpy as np

import hil
from autonomy import Stack, replay
from hil.sensors import Messages, WithCruise
from hil.worlds.motorway import Motorway


def test_plans_are_followed_recorded_and_replayed_to_the_same_bytes(tmp_path):
    stack, world = Stack.from_config("vehicles/demo_truck", {"plan.overspeed_mps": 1.4}), Motorway()
    senses = WithCruise(Messages(stack.config, 1), stack.parameters, world)
    run = hil.run(world, stack, senses, 12.0, 1, output_dir=tmp_path / "run", watch=senses.watch)
    plan = run.topic("plan")
    assert (plan["cruise"][700:] == 1).all() and run.metrics["drops"]["cruise"]["used"] > 100
    again = replay(run.log_path)
    assert again.metrics["output_sha256"] == run.metrics["output_sha256"]
    assert replay(run.log_path, mode="frames").metrics["output_sha256"] == run.metrics["output_sha256"]
    assert run.metrics["fuel_kg"] > 0.0 and np.isfinite(run.metrics["co2_g_per_tkm"])
    assert "tonne" in run.report_path.read_text()
