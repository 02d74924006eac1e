"""What a truck's sensors make of the truth, at three levels: perfect samples, realistic samples, raw bytes.

    Perfect()                 every tick, no noise, no latency
    Messages(config, seed)    rates, noise, latencies and dropouts of realism.py; samples as the input frame holds them
    Bytes(config, seed)       the same samples as CAN frames by the vehicle's own DBC files, and on its serial ports

`sense(truth)` is called once a tick in order of time. Perfect and Messages return {kind: array of <Kind>Sample rows};
`put` copies them into an input frame. Bytes returns RawRecord(time_ns, channel, bytes of one CanFrame or SerialBytes).
"""

from __future__ import annotations

from hil.sensors.cruise import WithCruise
from hil.sensors.messages import Messages
from hil.sensors.perfect import Perfect
from hil.sensors.raw import Bytes
from hil.sensors.realism import ORIGIN
from hil.sensors.records import RawRecord, put

__all__ = ["ORIGIN", "Bytes", "Messages", "Perfect", "RawRecord", "WithCruise", "put"]
