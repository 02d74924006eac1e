"""What the compiler made of the messages: the size of each struct, for the tests that hold `.msg`, C and NumPy together."""

from autonomy.msg.messages cimport *
from autonomy.msg.layout import require

require(__name__, LAYOUT_HASH)


def sizes() -> dict:
    """Compiled size in bytes of the frame structs and of each message with a list."""
    return {
        "InputFrame": sizeof(InputFrame),
        "OutputFrame": sizeof(OutputFrame),
        "EgoState": sizeof(EgoState),
        "TrackList": sizeof(TrackList),
        "CanFrame": sizeof(CanFrame),
        "ImuInput": sizeof(ImuInput),
    }
