"""`autonomy hil record`: what is played is what is recorded; a kill costs no more than a second; mistakes are one sentence."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import can
import pytest

from autonomy.cli.main import main
from autonomy.errors import INCONCLUSIVE, USAGE
from autonomy.log.reader import LogReader
from hil.rig.play import Options, play
from hil.rig.record import RecordOptions, record
from hil.rig.targets import Wishes
from tests.hil.rig import logs

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_what_is_played_is_what_is_recorded(tmp_path):
    """The rig's own way round: a log through bus, line and socket into another one, record for record."""
    source, port = logs.write_log(tmp_path / "source.mcap", 100), 45_368
    with logs.hubs(tmp_path, "a", "b"):
        began = threading.Event()
        found: list[dict] = []
        options = RecordOptions(tmp_path / "copy.mcap", "local", [str(tmp_path / "a"), str(tmp_path / "b")], duration_s=20.0,
                                sockets={"lidar": f"127.0.0.1:{port}"})  # fmt: skip
        recording = threading.Thread(target=lambda: found.append(record(options, lambda line: began.set())))
        recording.start()
        assert began.wait(20.0)
        played = play(Options([source], Wishes("local", options.channels, addresses=[f"lidar=127.0.0.1:{port}"]), no_device=True,
                              rate=10.0, late_limit_s=60.0))  # fmt: skip
        recording.join()
    assert played["counts"]["sent"] == 130 and found[0]["verdict"] == "pass", found[0]["reasons"]
    assert [item["written"] for item in found[0]["sources"]] == [100, 20, 10]
    with LogReader(source) as one, LogReader(tmp_path / "copy.mcap") as two:
        for topic in ("/raw/can/0", "/raw/can/1", "/raw/canfd/1"):
            ours, theirs = one.read_topic(topic), two.read_topic(topic)
            assert ours["id"].tolist() == theirs["id"].tolist() and ours["data"].tolist() == theirs["data"].tolist()
            assert (ours["bus"] == theirs["bus"]).all() and (ours["length"] == theirs["length"]).all()
        rows = two.read_topic("/raw/udp/lidar")
        assert [row["data"][: row["count"]].tobytes() for row in rows] == [
            b"packet %02d" % number for number in range(0, 100, 10)
        ]


@pytest.mark.slow
def test_pain_15_a_kill_costs_at_most_a_second(tmp_path):
    with logs.hubs(tmp_path, "a"):
        words = ["hil", "record", "-i", "local", "-c", str(tmp_path / "a"), "-o", str(tmp_path / "x.mcap")]
        recorder = subprocess.Popen([sys.executable, "-m", "autonomy", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True,
                                    start_new_session=True)  # fmt: skip
        assert recorder.stderr.readline().startswith("hil: recording")
        sender = logs.LocalBus(str(tmp_path / "a"))
        pause = threading.Event()
        for number in range(300):
            sender.send(can.Message(arbitration_id=1, data=number.to_bytes(4, "little")))
            pause.wait(0.01)
        os.killpg(recorder.pid, signal.SIGKILL)  # the capture and the recorder's process at once
        recorder.wait()
        recorder.stderr.close()
        sender.shutdown()
    with LogReader(tmp_path / "x.mcap") as log:
        numbers = [int.from_bytes(row["data"][:4].tobytes(), "little") for row in log.read_topic("/raw/can/0")]
    assert numbers == list(range(len(numbers))) and len(numbers) >= 200


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "record what?"),
        (["-c", "a"], "of which interface"),
        (["-i", "local", "-c", "a", "--events-only"], "give --before S"),
        (["-i", "local", "-c", "a", "--before", "5", "--trigger", "nix"], "--trigger: 'nix' is no filter"),
        (["--udp", "lidar=127.0.0.1"], "write lidar=PORT"),
        (["--serial", "gnss"], "write NAME=PLACE"),
        (["--serial", "gnss=/dev/a", "--serial", "gnss=/dev/b"], "given more than once"),
        (["-i", "local", "-c", "a", "--after", "5"], "give --before S too"),
        (["-i", "local", "-c", "a", "--bitrate", "-1"], "'-1' is no rate"),
        (["-i", "local", "-c", "a", "-c", "./a"], "-c ./a: given twice"),
        (["-i", "local", "-c", "a", "--hardware-stamps"], "is of SocketCAN alone"),
        (["-i", "local", "-c", "a", "-o", "drive.txt"], "name it drive.mcap"),
        (["-i", "local", "-c", "a", "--duration", "0"], "--duration 0"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, capsys, words, said):
    assert main(["hil", "record", "-o", str(tmp_path / "x.mcap"), *words]) == USAGE
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told


def test_an_account_is_told_as_json_and_as_lines(tmp_path, capsys):
    with logs.hubs(tmp_path, "a"):
        words = ["hil", "record", "-i", "local", "-c", str(tmp_path / "a"), "-o", str(tmp_path / "x.mcap"), "--duration", "0.2"]
        assert main([*words, "--json"]) == INCONCLUSIVE
        assert json.loads(capsys.readouterr().out)["sources"][0]["received"] == 0
        assert main(words) == INCONCLUSIVE
    said = capsys.readouterr().out
    assert "not told" in said and "nothing was received" in said and "clock        " in said
