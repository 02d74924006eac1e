"""The steering's response as the truck step's twin has it, and what a drive says of it."""

from __future__ import annotations

import numpy as np
import pytest

from autonomy.calibration import steering_response
from autonomy.estimation.truck import steering_twin


@pytest.mark.parametrize(("delay", "lag", "play"), [(0.15, 0.2, 0.0017), (0.087, 0.11, 0.0), (0.2, 0.31, 0.004)])
def test_the_model_is_that_of_the_truck_step(delay, lag, play):
    commands = 0.02 * np.sin(0.01 * np.arange(1000)) + 0.005 * np.sign(np.sin(0.03 * np.arange(1000)))
    commands[0] = 0.0
    ours = steering_response.response(commands, delay, lag, play)
    # the twin gives the end of each tick, this its beginning
    np.testing.assert_allclose(ours[1:], steering_twin.response(commands, delay, lag, play)[:-1], atol=1e-12)
