import configparser
import re
import shlex
import socket
import subprocess

from autonomy import config
from autonomy.runtime.service import Service


def listening(tmp_path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.settimeout(5.0)
    return listener


def test_says_ready_then_alive_then_stopping(tmp_path):
    with listening(tmp_path) as manager:
        service = Service({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        service.ready("shadow")
        service.alive(1)
        service.stopping("pass")
        service.close()
        told = [manager.recv(200).decode() for _ in range(3)]
    assert told == ["READY=1\nSTATUS=shadow", "WATCHDOG=1", "STOPPING=1\nSTATUS=pass"]


def test_a_loop_that_hangs_does_not_feed_the_watchdog(tmp_path):
    with listening(tmp_path) as manager:
        service = Service({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        for progress in (7, 7, 7, 8):
            service.alive(progress)
        service.stopping("")
        told = [manager.recv(200).decode() for _ in range(3)]
    assert told == ["WATCHDOG=1", "WATCHDOG=1", "STOPPING=1\nSTATUS="]


def test_without_a_manager_or_with_a_deaf_one_nothing_happens(tmp_path):
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "nobody")}, {"NOTIFY_SOCKET": "@nobody-listens-here"}):
        service = Service(environment)
        service.ready("shadow")
        service.alive(1)
        service.close()
        service.alive(2)


def test_the_unit_gives_what_arming_asks_for_and_leaves_refusals_alone():
    from autonomy.cli.main import build_parser
    from autonomy.errors import ENVIRONMENT, USAGE
    from autonomy.runtime import realtime

    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(config.directory() / "systemd" / "autonomy.service")
    service = unit["Service"]
    assert service["Type"] == "notify" and int(service["LimitRTPRIO"]) >= realtime.PRIORITY
    assert service["LimitMEMLOCK"] == "infinity"
    assert set(map(int, service["RestartPreventExitStatus"].split())) == {USAGE, ENVIRONMENT}
    shell, option, script = shlex.split(service["ExecStart"])
    said = subprocess.run([shell, option, script.replace("exec ", "echo ").replace("$$", "$").replace("%%", "%")],
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    _, *command = said.split()  # as the shell would run it, by the rules of systemd.service(5) for $ and %
    given = build_parser("run")[0].parse_args(command)
    assert given.config == "vehicles/demo_truck" and given.durable
    assert re.fullmatch(r"/var/log/autonomy/\d{8}T\d{6}Z", given.output), "a folder for each start"
