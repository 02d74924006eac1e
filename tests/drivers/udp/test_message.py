import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autonomy import msg
from drivers.udp.message import data_of, message


@given(st.binary(max_size=1500), st.integers(0, 2**62), st.integers(0, 2**32 - 1), st.integers(0, 65535))
def test_a_message_is_the_struct_the_log_keeps(data, time_ns, address, port):
    body = message(time_ns, (address, port), (address ^ 1, port ^ 1), data)
    row = np.frombuffer(body.ljust(msg.dtype("UdpPacket").itemsize, b"\0"), msg.dtype("UdpPacket"))[0]
    assert data_of(body) == data == row["data"][: row["count"]].tobytes()
    told = ("time_ns", "source_address", "source_port", "destination_address", "destination_port")
    assert tuple(int(row[name]) for name in told) == (time_ns, address, port, address ^ 1, port ^ 1)
