"""`autonomy can`: what its actions have in common, and `dump` and `decode` on recordings and live buses."""

from __future__ import annotations

import json

import can
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.cli.can.databases import Catalogue
from autonomy.cli.can.decode import Decoder
from autonomy.cli.main import build_parser
from drivers.can import live_bus
from tests.cli.can_logs import START_NS, bus_frames, run, write_log
from tests.drivers.can.build import EXTENDED, J1939, can_frame, can_frames, dbc


@pytest.fixture
def log(tmp_path):
    return write_log(tmp_path / "drive.mcap")


@pytest.fixture
def live(monkeypatch, request):
    """A virtual bus that already holds frames when the command opens it: (channel, what to send)."""
    channel = request.node.name
    sender, receiver = (can.Bus(interface="virtual", channel=channel, preserve_timestamps=True) for _ in range(2))
    opened = []

    def open_bus(interface, asked_channel, bit_rate=None):
        opened.append((interface, asked_channel, bit_rate))
        return receiver

    monkeypatch.setattr("autonomy.cli.can.source.open_bus", open_bus)
    for frame in bus_frames():
        if frame["flags"] == 0:
            sender.send(can.Message(
                arbitration_id=int(frame["id"]) & 0x1FFFFFFF, is_extended_id=bool(int(frame["id"]) & EXTENDED),
                data=frame["data"][: frame["length"]].tobytes(), timestamp=int(frame["time_ns"]) / 1e9,
            ))  # fmt: skip
    yield channel
    assert opened == [("virtual", channel, None)]
    sender.shutdown()


def test_dump_writes_candump_lines(capsys, log):
    lines, told = run(capsys, "dump", log)
    assert lines[0] == "  can0  0CF00400   [8]  F8 7D 7D 80 25 FF F0 7D"
    assert lines[1] == "  can0       123   [2]  01 02" and lines[2].endswith("ERRORFRAME")
    assert told == f"can: {len(bus_frames())} frames shown\n"


def test_dump_filters_stamps_and_counts(capsys, log):
    assert run(capsys, "dump", log, "-n", "2", "-t", "z", "pgn=FEF1")[0] == [
        " (000.000000)  can0  18FEF100   [8]  FF 00 48 FF FF FF FF FF",
        " (000.010000)  can0  18FEF131   [8]  FF 00 FE FF FF FF FF FF",
    ]
    assert len(run(capsys, "dump", "123:7FF", log)[0]) == 1
    assert len(run(capsys, "dump", log, "--start", "0.25", "--end", "0.45", "pgn=F004")[0]) == 2
    assert len(run(capsys, "dump", log, "--start", "0.25", "--duration", "0.4", "pgn=F004")[0]) == 4


def test_dump_writes_logs_that_come_back(capsys, log, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "dump", log, "-L", "-n", "1")[0] == ["(1691508198.524707) can0 0CF00400#F87D7D8025FFF07D"]
    assert run(capsys, "dump", log, "-l")[0] == []
    text = (tmp_path / "candump-2023-08-08_152318.log").read_text()
    assert len(text.splitlines()) == len(bus_frames()) and "(1691508198.529707) can0 123#0102\n" in text
    run(capsys, "dump", log, "-o", "own.log")
    assert (tmp_path / "own.log").read_text() == text
    assert "cannot write" in run(capsys, "dump", log, "-o", "no/such/own.log", code=4)[1]


def test_dump_as_json(capsys, log):
    found = [json.loads(line) for line in run(capsys, "dump", log, "--json")[0]]
    assert found[0]["time_ns"] == START_NS and found[0]["id"] == 0x0CF00400 and found[0]["data"] == "f87d7d8025fff07d"
    assert [item["error"] for item in found].count(True) == 1


def test_decode_shows_names_values_and_what_is_missing(capsys, log):
    lines, told = run(capsys, "decode", log, "-t", "n")
    text = "\n".join(lines)
    assert (
        "  can0  00>FF F004 EEC1  engine_torque_mode=8  driver_demand_torque=0 %  actual_engine_torque=0 %  engine_speed=1200 rpm"
        in lines
    )
    assert "00>FF FEF1 CCVS1  parking_brake_switch=not available  wheel_based_vehicle_speed=72 km/h" in text
    assert "31>FF FEF1 CCVS1  parking_brake_switch=not available  wheel_based_vehicle_speed=error" in text
    assert "00>FF EE00 AC  claims address 00: function 0 (engine), manufacturer 13, identity 590605, on-highway" in text
    assert "00>FF EA00 RQST  asks for FEEC VI" in text
    assert (
        "0B>FF FECA DM1 [10 bytes, BAM]  lamps: amber warning on  SPN 627 FMI 4 (voltage below normal or shorted low) x3  "
        "SPN 190 engine_speed FMI 3 (voltage above normal or shorted high) x1"
    ) in text
    assert "00>FF FEEC VI [17 bytes, BAM]  '1XKDD40X1HJ123456'" in text
    assert "00>F9 FEEC RTS/CTS of 17 bytes aborted: by the originator, reason 3: time-out (0 of 3 packets)" in text
    assert "123 ?  01 02" in text
    assert "can: 16 decoded, 1 error frames, 1 of no table\n" in told
    assert "can: can0: 3 long messages announced, 2 complete, 1 aborted\n" in told


def test_decode_filters_whole_messages(capsys, log):
    assert len(run(capsys, "decode", log, "pgn=FECA")[0]) == 1
    assert len(run(capsys, "decode", log, "pgn=FEEC", "da=F9")[0]) == 1
    lines, _ = run(capsys, "decode", log, "pgn=FEF1", "--available", "-t", "n")
    assert lines == ["  can0  00>FF FEF1 CCVS1  wheel_based_vehicle_speed=72 km/h", "  can0  31>FF FEF1 CCVS1"]
    assert len(run(capsys, "decode", log, "-n", "3")[0]) == 3
    assert not any(" ? " in line for line in run(capsys, "decode", log, "--known")[0])


def test_decode_as_json(capsys, log):
    found = [json.loads(line) for line in run(capsys, "decode", log, "--json")[0]]
    by_name = {item["message"]: item for item in found}
    assert by_name["EEC1"]["signals"]["engine_speed"] == {"value": 1200.0, "unit": "rpm", "validity": "ok", "spn": 190}
    assert by_name["CCVS1"]["signals"]["wheel_based_vehicle_speed"]["validity"] == "error"
    assert by_name["DM1"]["codes"][0]["spn"] == 627 and by_name["DM1"]["transport"] == "BAM" and by_name["DM1"]["source"] == 0x0B
    assert by_name["AC"]["name"]["number"] == "1000000001A9030D"
    assert [item["failed"] for item in found if "failed" in item] == ["aborted"]


def test_pain_3_a_dbc_of_the_site_wins_over_the_packaged_table(capsys, log, tmp_path):
    own = tmp_path / "own.dbc"
    own.write_text(dbc(f'{EXTENDED | 0x18F00400} OWN_EEC1 8 |;speed : 24|16@1+ (0.125,0) [0|0] "rpm"',
                       f'{0x123} BODY 2 |;door : 0|8@1+ (1,0) [0|0] ""', tail=J1939))  # fmt: skip
    lines, _ = run(capsys, "decode", log, "-t", "n", "--dbc", str(own))
    assert "  can0  00>FF F004 OWN_EEC1  speed=1200 rpm" in lines and "  can0  123 BODY  door=1" in lines
    assert any("CCVS1" in line for line in lines)
    lines, _ = run(capsys, "decode", log, "-t", "n", "--dbc", f"7={own}")
    assert not any("OWN_EEC1" in line for line in lines)
    lines, _ = run(capsys, "decode", log, "-t", "n", "--dbc", f"0={own}")
    assert any("OWN_EEC1" in line for line in lines)


def test_dump_of_a_live_bus(capsys, live):
    lines, told = run(capsys, "dump", "-i", "virtual", "-c", live, "-n", "3", "-t", "z")
    assert lines[0] == f" (000.000000)  {live}  0CF00400   [8]  F8 7D 7D 80 25 FF F0 7D"
    assert len(lines) == 3 and "frames received, this interface does not tell how many were lost" in told


def test_decode_of_a_live_bus_until_its_time_is_over(capsys, live, monkeypatch):
    monkeypatch.setattr(live_bus, "POLL_S", 0.0)
    lines, told = run(capsys, "decode", "-i", "virtual", "-c", live, "--duration", "0")
    assert any("DM1 [10 bytes, BAM]" in line for line in lines) and "2 complete, 1 aborted" in told


def test_ctrl_c_is_a_clean_end(capsys, live, monkeypatch):
    class Interrupted(live_bus.LiveBus):
        def batches(self):
            yield next(super().batches())
            raise KeyboardInterrupt

    monkeypatch.setattr("autonomy.cli.can.source.LiveBus", Interrupted)
    lines, told = run(capsys, "dump", "-i", "virtual", "-c", live)
    assert len(lines) == len(bus_frames()) - 1 and "frames received" in told


def test_pain_10_losses_are_asked_for_before_the_bus_is_closed(capsys, live, monkeypatch):
    monkeypatch.setattr(live_bus.LiveBus, "lost", lambda self: pytest.fail("closed") if self.bus._is_shutdown else 7)
    assert "frames received, 7 lost by the system" in run(capsys, "dump", "-i", "virtual", "-c", live, "-n", "1")[1]


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["candump-2023-08-08_152318.log", "candump-2023-08-22_1.log", "candump-2023-08-22_2.log"])
def test_pain_18_a_recorded_candump_log_comes_back_byte_for_byte(recorded_j1939, tmp_path, capsys, name):
    path = recorded_j1939(name)
    run(capsys, "dump", str(path), "-o", str(tmp_path / "again.log"))
    assert (tmp_path / "again.log").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("dump",), 2, "no recording and no live bus"),
        (("dump", "a.mcap", "b.mcap"), 2, "2 recordings (a.mcap, b.mcap)"),
        (("dump", "-i", "virtual"), 2, "needs -i INTERFACE and -c CHANNEL"),
        (("dump", "a.mcap", "-c", "can0"), 2, "not both"),
        (("dump", "nothere.mcap"), 3, "nothere.mcap"),
        (("dump", "a.mcap", "pgn=61444"), 2, "did you mean F004"),
        (("dump", "-i", "nothere", "-c", "can0"), 4, "python-can knows"),
        (("dump", "a.mcap", "--json", "-L"), 2, "exclude each other"),
    ],
)
def test_mistakes_are_sentences(capsys, arguments, code, sentence):
    lines, told = run(capsys, *arguments, code=code)
    assert lines == [] and sentence in told and "Traceback" not in told


@pytest.mark.parametrize("option", ["nothere.dbc", "300=nothere.dbc"])
def test_a_missing_dbc_is_named(capsys, log, option):
    lines, told = run(capsys, "decode", log, "--dbc", option, code=3)
    assert lines == [] and "nothere.dbc" in told


CARRIED = dbc('0x123 Doors 2 |; open : 0|8@1+ (1,0) [0|0] ""')


@pytest.mark.parametrize("action", [("decode", "-t", "n"), ("stats", "--signals"), ("monitor", "--once")])
def test_what_a_log_carries_names_its_messages(capsys, tmp_path, action):
    path = write_log(tmp_path / "drive.mcap", databases={0: CARRIED, 7: CARRIED})
    lines, _ = run(capsys, action[0], path, *action[1:])
    found = [line for line in lines if "Doors" in line]
    assert found and not any("FFFFFFFF" in line for line in found)


def test_a_given_dbc_wins_over_the_carried_one(capsys, tmp_path):
    path = write_log(tmp_path / "drive.mcap", databases={0: CARRIED})
    (tmp_path / "site.dbc").write_text(CARRIED.replace("Doors", "Hatch"))
    lines, _ = run(capsys, "decode", path, "--dbc", str(tmp_path / "site.dbc"))
    assert any("Hatch" in line for line in lines) and not any("Doors" in line for line in lines)


def test_a_damaged_carried_dbc_is_told_and_the_rest_decoded(capsys, tmp_path):
    path = write_log(tmp_path / "drive.mcap", databases={0: CARRIED})
    content = bytearray((tmp_path / "drive.mcap").read_bytes())
    content[content.index(b"Doors")] ^= 1
    (tmp_path / "drive.mcap").write_bytes(content)
    lines, told = run(capsys, "decode", path)
    assert "can/0.dbc" in told and any("EEC1" in line for line in lines)


def test_a_log_without_can_says_what_it_has(capsys, tmp_path):
    path = write_log(tmp_path / "serial.mcap", can_frames()[:0])
    assert "holds no CAN frames" in run(capsys, "dump", path, code=3)[1]


def test_a_truncated_log_is_shown_to_its_end_and_exit_3(capsys, log):
    with open(log, "r+b") as file:
        file.truncate(len(file.read()) // 2)
    _, told = run(capsys, "dump", log, code=3)
    assert "the recording ends early" in told


def test_every_action_has_its_help(capsys):
    for action in ("monitor", "dump", "decode", "stats", "names", "send"):
        with pytest.raises(SystemExit) as stop:
            build_parser("can")[0].parse_args(["can", action, "--help"])
        assert stop.value.code == 0 and action in capsys.readouterr().out


ANY_FRAME = st.tuples(
    st.one_of(st.integers(0, 0x7FF), st.integers(0, 2**29 - 1),
              st.sampled_from([0xEC, 0xEB, 0xEE, 0xEA, 0xE8, 0xC8]).map(lambda pf: 0x1800FF00 | pf << 16),
              st.sampled_from([0xFECA, 0xFECB, 0xFEEC, 0xF004, 0xFEF1]).map(lambda pgn: 0x18000000 | pgn << 8)),
    st.binary(max_size=8),
    st.integers(0, 7),
    st.integers(0, 2**62),
)  # fmt: skip


@given(st.lists(ANY_FRAME, max_size=40), st.booleans())
@settings(deadline=None, max_examples=200)
def test_random_frames_never_stop_the_decoder(items, as_json):
    frames = can_frames(*(
        can_frame(identifier | (EXTENDED if identifier > 0x7FF else 0), data, flags=flags, time_ns=time)
        for identifier, data, flags, time in items
    )) if items else can_frames()[:0]  # fmt: skip
    arguments = build_parser("can")[0].parse_args(["can", "decode", "x", *(["--json"] if as_json else [])])
    arguments.filter = None
    decoder = Decoder(CATALOGUE, arguments)
    lines = [*decoder.lines(frames, {0: "can0"}), *decoder.ending({0: "can0"})]
    assert all("\n" not in line for line in lines)
    if as_json:
        assert all(json.loads(line, parse_constant=pytest.fail) for line in lines)


CATALOGUE = Catalogue.from_options([])


@pytest.mark.parametrize("action", [("dump",), ("decode",), ("stats",), ("monitor", "--once")])
def test_can_fd_frames_that_are_not_shown_are_counted(capsys, tmp_path, action):
    path = tmp_path / "mixed.log"
    path.write_text("(1.000000) can0 123#01\n(1.100000) can0 124##10102030405060708090A0B0C\n")
    assert "1 CAN FD frames left out" in run(capsys, action[0], str(path), *action[1:])[1]


def test_a_filter_nobody_knows_is_told(capsys, log):
    assert "foo=1: no such filter" in run(capsys, "dump", log, "foo=1", code=2)[1]
