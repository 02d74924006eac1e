"""That a log gives the outputs of its drive again, byte for byte."""

from autonomy import replay
from autonomy.playback.rows import OUTPUTS


def replays_equal(path, mode: str, outputs):
    """The replay's result. `outputs`: an OutputFrame a tick, as the loop had them."""
    result = replay(path, mode=mode, report=False)
    assert len(result.outputs) == len(outputs)
    for name in OUTPUTS:
        assert result.outputs[name].tobytes() == outputs[name].tobytes(), name
    assert not any(result.metrics["oddities"].values())
    return result
