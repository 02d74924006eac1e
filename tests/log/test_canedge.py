"""CANedge sessions: what is recognised, and which DBC goes to which bus (the recorded drive is in tests/playback)."""

from __future__ import annotations

import pytest

from autonomy import config
from autonomy.log.importers import canedge
from autonomy.log.reader import LogReader


def test_only_sessions_with_the_receivers_dbc_are_recognised(tmp_path):
    (tmp_path / "a.MF4").write_bytes(b"MDF     ")
    assert not canedge.recognises(tmp_path) and not canedge.recognises(tmp_path / "a.MF4")
    (tmp_path / canedge.RECEIVER_DBC).write_text("")
    assert canedge.recognises(tmp_path) and canedge.recognises(tmp_path / "a.MF4")
    assert not canedge.recognises(tmp_path / canedge.RECEIVER_DBC)
    (tmp_path / "empty").mkdir()
    assert not canedge.recognises(tmp_path / "empty")


@pytest.mark.real_data
def test_a_bus_gets_the_database_that_knows_its_frames(data_directory, tmp_path):
    last = sorted((data_directory / "canedge").glob("*.MF4"))[-1]
    result = canedge.convert([last], tmp_path / "a.mcap")
    assert sum(result.messages.values()) == 5_477 and not any(result.unused.values())
    with LogReader(tmp_path / "a.mcap") as reader:
        assert reader.metadata["autonomy"]["vehicle"] == canedge.VEHICLE
        assert b"gnss_imu" in reader.attachment("can/2.dbc")
        assert reader.attachment("can/1.dbc") == (config.directory() / canedge.OBD2_DBC).read_bytes()
    own = tmp_path / "own.dbc"
    own.write_text('VERSION ""\nBO_ 2024 MINE: 8 X\n SG_ a : 0|8@1+ (1,0) [0|1] "" X\n')
    canedge.convert([last], tmp_path / "b.mcap", {1: own})
    with LogReader(tmp_path / "b.mcap") as reader:
        assert reader.attachment("can/1.dbc") == own.read_bytes()
