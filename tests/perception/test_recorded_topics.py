"""Packets of a sensor under its name or under its port, as captures have them."""

import pytest

from autonomy.errors import UsageError
from autonomy.perception.recorded_topics import recorded_topics
from autonomy.perception.sensors import read


def lidars(**ports: int):
    rows = [{"name": name, "model": "XT32", "source": place, "x_m": 5.0, "height_m": 3.2, "port": port}
            for place, (name, port) in enumerate(ports.items())]  # fmt: skip
    return read({"sensor": rows}, "truck.toml")


@pytest.mark.parametrize(("present", "found"), [
    (["/raw/udp/roof"], {"roof": "/raw/udp/roof"}),
    (["/raw/udp/2368"], {"roof": "/raw/udp/2368"}),
    (["/raw/udp/2368", "/raw/udp/roof"], {"roof": "/raw/udp/roof"}),
    (["/raw/udp/2369", "/raw/udp/2368", "/raw/can/0"], {"roof": "/raw/udp/2368", "left": "/raw/udp/2369"}),
    (["/raw/udp/2370", "/raw/udp/velodyne"], {}),
])  # fmt: skip
def test_a_sensor_has_the_topic_of_its_name_or_of_its_port(present, found):
    assert recorded_topics(lidars(roof=2368, left=2369), present, "drive.pcap") == found


def test_a_port_that_two_sensors_have_is_told():
    with pytest.raises(UsageError, match="drive.pcap: /raw/udp/2368 may be of the sensor roof or of left, .*port = 2368"):
        recorded_topics(lidars(roof=2368, left=2368), ["/raw/udp/2368"], "drive.pcap")


def test_of_two_sensors_with_one_port_one_may_have_its_name():
    found = recorded_topics(lidars(roof=2368, left=2368), ["/raw/udp/2368", "/raw/udp/left"], "drive.pcap")
    assert found == {"roof": "/raw/udp/2368", "left": "/raw/udp/left"}


def test_a_sensor_that_is_called_as_the_port_of_another_keeps_its_packets():
    sensors = lidars(**{"2369": 2368, "roof": 2369})
    assert recorded_topics(sensors, ["/raw/udp/2369"], "drive.pcap") == {"2369": "/raw/udp/2369"}
