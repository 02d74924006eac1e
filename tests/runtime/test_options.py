"""Who may be driven at all: what `autonomy run --mode active` refuses before it opens anything."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from autonomy import config
from autonomy.errors import UsageError
from autonomy.runtime.options import check_channels, encoder_of

VEHICLE = "vehicles/demo_truck"


@pytest.mark.parametrize(
    ("part", "key"),
    [
        ("engine_brake", "[longitudinal] engine_brake_torque_maximum_nm = 800"),
        ("retarder", "[vehicle] retarder_torque_maximum_nm"),
        ("gearbox", "[cruise] roll_deceleration = 0.12"),
    ],
)
def test_what_is_expected_and_nobody_is_asked_for_is_refused(tmp_path, part, key):
    lines = config.find(VEHICLE).read_text().splitlines()
    first = lines.index(f"[command.{part}]")
    behind = next(number for number in range(first + 1, len(lines)) if lines[number].startswith("["))
    path = tmp_path / "truck.toml"
    path.write_text("\n".join(lines[:first] + lines[behind:]).replace("../", f"{config.directory()}/"))
    options = SimpleNamespace(config=str(path), channels=["a", "b", "c"])
    with pytest.raises(UsageError) as error:
        encoder_of(options, SimpleNamespace(config=config.load(Path(path))), None)
    assert key in str(error.value) and f"no [command.{part}]" in str(error.value)


@pytest.mark.parametrize(
    ("channels", "sentence"),
    [
        (["a", "b", "b"], "--channel b: given for more than one bus"),
        (["a", "b", "c", "d"], "--channel d: truck has only the buses 0, 1, 2, this would be bus 3; leave it out"),
        (["a", "b", "./a"], "--channel ./a: given for more than one bus"),
        (["a"], "give a channel for each, in this order \\(none for bus 1\\)"),
    ],
)
def test_each_bus_has_a_channel_of_its_own(channels, sentence):
    with pytest.raises(UsageError, match=sentence):
        check_channels("truck", {"can": {"bus": [{"bus": 0}, {"bus": 1}, {"bus": 2}]}}, "local", channels)
