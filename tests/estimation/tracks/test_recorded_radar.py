"""The radar of the recorded drive: what a confirmed track says of its range rate beside how its range changes over a second."""

import numpy as np
import pytest

from autonomy import replay
from autonomy.log.importers.comma2k19 import convert

pytestmark = pytest.mark.real_data
SECOND = 100  # ticks
CONFIRMED = 2


@pytest.fixture(scope="module")
def run(data_directory, tmp_path_factory):
    log = tmp_path_factory.mktemp("radar") / "drive.mcap"
    convert([data_directory / "comma2k19"], log)
    return replay(log, end=30.0, output_dir=tmp_path_factory.mktemp("radar_run"), report=False)


def test_range_rate_is_the_derivative_of_range(run, record_property):
    tracks, ego = run.topic("tracks"), run.topic("ego")
    places = {}
    for tick, row in enumerate(tracks):
        for track in row["tracks"][: row["count"]]:
            if track["status"] == CONFIRMED:
                rate = track["velocity_x"] - ego["speed"][tick] + ego["angular_rate"][tick, 2] * track["y"]
                places.setdefault(int(track["track_id"]), {})[tick] = (float(track["x"]), float(rate))
    errors = [seen[tick + SECOND][0] - seen[tick][0] - seen[tick + SECOND // 2][1]
              for seen in places.values() for tick in seen if tick + SECOND in seen and tick + SECOND // 2 in seen]  # fmt: skip
    rms = float(np.sqrt(np.mean(np.square(errors))))
    record_property("range_rate_rms_mps", rms)
    print(f"range rate against the derivative of range over 1 s: {rms:.3f} m/s RMS, {len(places)} tracks")
    assert len(errors) > 1000 and rms <= 0.30
    assert int(tracks["overflow"].max()) == 0
