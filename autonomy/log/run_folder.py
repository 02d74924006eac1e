"""The log in a run's folder, which users name instead of the log itself."""

from __future__ import annotations

from pathlib import Path

__all__ = ["WITH_OUTPUTS", "log_in"]

RECORDED = ("run.mcap", "drive.mcap", "output.mcap")  # of 'autonomy run', of 'autonomy hil run', of 'autonomy replay'
WITH_OUTPUTS = ("run.mcap", "output.mcap")  # of them those which hold what the stack made of the inputs


def log_in(folder: Path, outputs: bool = False) -> Path | None:
    """The log of the run that wrote `folder`; None when it holds none."""
    return next((folder / name for name in (WITH_OUTPUTS if outputs else RECORDED) if (folder / name).is_file()), None)
