"""Twin of ext/autonomy/log/_copy.pyx: message records put together field by field."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.log import records as mcap
from autonomy.log.reader import FLAG_PLAIN, FLAG_WHOLE


def pack(records: np.ndarray, data: np.ndarray, channels: np.ndarray) -> bytes:
    """The records (RECORD_DTYPE) as MCAP message records on the channels `channels[old id]`."""
    parts = []
    for record in records:
        offset, time_ns = int(record["offset"]), int(record["log_time_ns"])
        header = b"" if record["flags"] & FLAG_PLAIN else msg.CDR_HEADER
        publish_ns = time_ns
        if record["flags"] & FLAG_WHOLE:
            head = data[offset - len(header) - mcap.MESSAGE_HEAD.size : offset].tobytes()
            _, _, _, publish_ns = mcap.MESSAGE_HEAD.unpack_from(head)
            header = head[mcap.MESSAGE_HEAD.size :]
        content = mcap.MESSAGE_HEAD.pack(int(channels[record["channel"]]), int(record["sequence"]), time_ns, publish_ns)
        parts.append(mcap.record(mcap.MESSAGE, content, header, data[offset : offset + int(record["length"])].tobytes()))
    return b"".join(parts)
