"""The rest bus: each message at its rate without drift, counters that count, checksums that hold, long messages in packets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autonomy.cli.can.databases import ANY_BUS, Catalogue
from autonomy.cli.main import main
from autonomy.errors import PASS, UsageError
from drivers.can.wire import local_bytes
from hil.rig.restbus import RestBus, RestBusOptions, RestBusTable, convert, restbus
from tests.hil.rig import logs

TEXT = """schema = "autonomy.restbus/1"
[[sender]]
name = "engine"
source_address = 0x00
[[sender.message]]
message = "EEC1"
period_s = 0.01
values = { engine_speed = 1200.0 }
[[sender.message]]
message = "VI"
period_s = 1.0
data = "31585031323334353637383930"
[[sender]]
name = "stack"
source_address = 0x21
[[sender.message]]
message = "TSC1"
period_s = 0.02
destination = 0x00
values = { requested_torque = 10.0 }
"""
LONG = 'BO_ 2566843134 VI: 13 ECU\n SG_ text : 0|8@1+ (1,0) [0|0] "" ECU\n'


@pytest.fixture
def databases(tmp_path) -> list[str]:
    path = tmp_path / "vi.dbc"
    path.write_text('VERSION ""\nNS_ :\nBS_:\nBU_: ECU\n' + LONG)
    return [str(path)]


@pytest.fixture
def file(tmp_path) -> str:
    path = tmp_path / "bus.toml"
    path.write_text(TEXT)
    return str(path)


def made(file: str, databases: list[str], seconds: float) -> tuple[np.ndarray, np.ndarray, Catalogue]:
    """Times and frames of the first seconds."""
    import tomllib

    catalogue = Catalogue.from_options(databases)
    table = convert(tomllib.loads(Path(file).read_text()), RestBusTable, file, UsageError)
    bus = RestBus(table, file, catalogue, RestBusOptions(file, "local", ["a"], databases))
    times, frames = [], []

    def wire(target, rows):
        frames.append(rows.copy())
        return local_bytes(rows)

    for reach_ns, dues in bus.due(wire):
        times += [due.times_ns for due in dues]
        if reach_ns >= seconds * 1e9:
            break
    return np.concatenate(times), np.concatenate(frames), catalogue


def test_pain_13_each_message_keeps_its_period_and_none_comes_in_a_heap(file, databases):
    times, frames, _ = made(file, databases, 60.0)
    engine = times[frames["id"] & 0x1FFFFFFF == 0x0CF00400]
    assert len(engine) == 6000 and (np.diff(engine) == 10_000_000).all()
    commands = times[frames["id"] & 0xFFFF == 0x0021]
    assert len(commands) == 3000 and (np.diff(commands) == 20_000_000).all()
    assert not np.isin(engine, commands).any()


def test_pain_5_counters_count_and_checksums_hold(file, databases):
    _, frames, catalogue = made(file, databases, 1.0)
    commands = frames[frames["id"] & 0xFFFF == 0x0021]
    counters = (commands["data"][:, 7] & 0xF).astype(int)
    assert (np.diff(counters) % 8 == 1).all()
    assert all(catalogue.codec.checksum_holds(int(row["id"]), row["data"].tobytes(), ANY_BUS) for row in commands)
    values, _ = catalogue.codec.decode(int(frames["id"][0]), frames["data"][0].tobytes(), ANY_BUS)
    assert values[catalogue.codec.signal_names("EEC1", ANY_BUS).index("engine_speed")] == 1200.0


def test_a_long_message_goes_in_packets_with_their_gaps(file, databases):
    times, frames, _ = made(file, databases, 0.9)
    long = np.isin(frames["id"] >> 16 & 0xFF, [0xEC, 0xEB])
    assert [hex(int(identifier) >> 16 & 0xFF) for identifier in frames["id"][long]] == ["0xec", "0xeb", "0xeb"]
    assert (np.diff(times[long]) >= 50_000_000).all()
    assert frames["data"][long][1:, 1:].tobytes().rstrip(b"\xff") == b"1XP1234567890"


def test_it_sends_what_it_says(file, databases, tmp_path):
    with logs.hubs(tmp_path, "a") as nodes:
        found = restbus(RestBusOptions(file, "local", [str(tmp_path / "a")], databases, for_s=0.3, late_limit_s=60.0))
        heard = logs.heard(nodes["a"])
    assert found["exit_code"] in (PASS, 5) and found["counts"]["failed"] == 0
    assert len(heard) == found["counts"]["sent"] >= 45
    assert sum(message.arbitration_id == 0x0CF00400 for message in heard) == 30


@pytest.mark.parametrize(
    ("change", "words", "said"),
    [
        (("EEC1", "NIX"), [], "no message NIX"),
        (("engine_speed = 1200.0", "engine_speed = 99999.0"), [], "cannot hold 99999"),
        (("engine_speed = 1200.0", "nix = 1"), [], "has no signal nix"),
        (("period_s = 0.01", "period_s = 0.0"), [], "period_s = 0 is not within"),
        (("period_s = 1.0", "period_s = 0.1"), [], "3 frames do not fit into 0.1 s"),
        (("restbus/1", "restbus/9"), [], "is not 'autonomy.restbus/1'"),
        (("source_address = 0x21", "source_address = 0x21\nbus = 3"), [], "give one more -c"),
        (("3158", "xx"), [], "is not hexadecimal"),
        (("name = ", "nam = "), [], "nam"),
        (("a", "a"), ["--dut-sa", "21"], "is the device under test"),
        (("a", "a"), ["--for", "0"], "--for 0"),
        (("a", "a"), ["-c", "elsewhere"], "-c elsewhere: no sender of"),
        (('message = "VI"', 'message = "EEC1"\nperiod_s = 1\n[[sender.message]]\nmessage = "VI"'), [], "'EEC1@00' is sent twice"),
    ],
)
def test_a_mistake_is_one_sentence(file, databases, capsys, change, words, said):
    path = Path(file)
    path.write_text(path.read_text().replace(*change))
    assert main(["hil", "restbus", file, "-i", "local", "-c", "nowhere", "--dbc", databases[0], *words]) == 2
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told


def test_a_real_bus_needs_to_be_armed(file, databases):
    with pytest.raises(UsageError, match="give --arm"):
        restbus(RestBusOptions(file, "pcan", ["PCAN_USBBUS1"], databases))
