"""Onboard software of a highway-driving heavy truck: `Stack` is the 100 Hz tick, `replay` runs it on a log.

Names load on first use, so that `import autonomy` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autonomy.playback.replay import replay
    from autonomy.stack import Stack

__version__ = "0.1.0"
__all__ = ["Stack", "__version__", "replay"]


def __getattr__(name: str):
    if name == "Stack":
        from autonomy.stack import Stack

        return Stack
    if name == "replay":
        from autonomy.playback.replay import replay

        return replay
    raise AttributeError(f"module 'autonomy' has no attribute '{name}'")
