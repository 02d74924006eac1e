"""The journal's rows as NumPy has them: what the loop hands to the recorder, and what receivers hand to the loop."""

import numpy as np

from autonomy.msg.messages cimport LAYOUT_HASH

from autonomy import msg
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)

PIECE_ROW = np.dtype([("time_ns", "i8"), ("lost", "u4"), ("count", "u4"), ("data", "u1", (PIECE_BYTES,))])
JOURNAL_PIECE_ROW = np.dtype([("log_time_ns", "i8"), ("line", "i4"), ("padding", "u4"), ("piece", PIECE_ROW)])
LIST_ROW = np.dtype([("time_ns", "i8"), ("kind", "i4"), ("size", "u4"), ("body", "u1", (LIST_BYTES,))])
JOURNAL_LIST_ROW = np.dtype([("log_time_ns", "i8"), ("samples", LIST_ROW)])
FRAME_ROW = np.dtype([("log_time_ns", "i8"), ("frame", msg.dtype("CanFrame"))])
TICK_ROW = np.dtype([("woken_ns", "i8"), ("finished_ns", "i8"), ("records", "u8"), ("frame", msg.dtype("InputFrame")),
                     ("out", msg.dtype("OutputFrame"))])
if FRAME_ROW.itemsize != sizeof(JournalFrame) or TICK_ROW.itemsize != sizeof(JournalTick) \
        or JOURNAL_PIECE_ROW.itemsize != sizeof(JournalPiece) or JOURNAL_LIST_ROW.itemsize != sizeof(JournalList):
    raise ImportError("autonomy.runtime._journal: the journal's rows differ between C and NumPy")
