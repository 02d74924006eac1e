"""Opens a Rerun recording - a file, a viewer started here, a viewer elsewhere - and sends a run to it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autonomy.errors import EnvironmentFault, MissingPackage
from autonomy.viewers.stored import StoredRun, Stretch

APPLICATION = "autonomy"


def to_file(path: Path) -> Any:
    """A rerun.RecordingStream that writes as it goes. Raises EnvironmentFault."""
    recording = _recording()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        # The footer's list of every chunk would be kept in memory until the end; `rerun rrd optimize` adds one afterwards
        recording.save(path, default_blueprint=_blueprint(), write_footer=False)
    except (OSError, RuntimeError) as error:
        raise EnvironmentFault(f"cannot write {path}: {error}") from None
    return recording


def to_new_viewer(memory_limit: str) -> Any:
    """A stream to a viewer started here, which drops its oldest data beyond the limit. Raises EnvironmentFault."""
    recording = _recording()
    try:
        recording.spawn(memory_limit=memory_limit, hide_welcome_screen=True, default_blueprint=_blueprint())
    except Exception as error:  # whatever the SDK finds amiss: no viewer, no port, no display
        raise EnvironmentFault(f"the Rerun viewer cannot be started ({error}); write a file with -o and open that") from None
    return recording


def to_viewer(url: str) -> Any:
    """A stream to a viewer that runs already. Raises EnvironmentFault."""
    recording = _recording()
    try:
        recording.connect_grpc(url, default_blueprint=_blueprint())
    except Exception as error:  # a URL of another form among others
        raise EnvironmentFault(f"--connect {url}: {error}") from None
    return recording


def send(recording: Any, run: StoredRun, stretches: Iterable[Stretch]) -> int:
    """Sends stretches of a run and closes the recording; returns the ticks sent."""
    from autonomy.viewers.rerun_scene import RerunScene

    scene, ticks = RerunScene(recording, run.vehicle, run.start_ns), 0
    for stretch in stretches:
        scene.write_outputs(stretch.outputs)
        ticks += len(stretch.outputs)
        if stretch.moments is not None:
            scene.write_moments(stretch.moments)
    scene.close()
    recording.disconnect()
    return ticks


def _recording() -> Any:
    # Its own log warns of what is meant so here (no footer); what a user can mend comes as an exception. Read at import
    os.environ.setdefault("RUST_LOG", "off")
    try:
        import rerun
    except ImportError:
        raise MissingPackage("viz: --rerun", "rerun-sdk", "viz") from None
    return rerun.RecordingStream(APPLICATION)


def _blueprint() -> Any:
    from autonomy.viewers.rerun_blueprint import blueprint

    return blueprint()
