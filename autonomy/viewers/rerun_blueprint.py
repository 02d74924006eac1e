"""How Rerun lays out a run: the scene from behind and from above, the map, states and figures."""

from __future__ import annotations

from typing import Any

from autonomy.viewers.rerun_scene import VEHICLE

BACKGROUND = (27, 29, 32)  # dark, so that white lines show
# The eye, what it looks at, and up: m, in the vehicle frame
BEHIND = ((-28.0, 0.0, 16.0), (25.0, 0.0, 0.0), (0.0, 0.0, 1.0))
ABOVE = ((30.0, 0.0, 120.0), (30.1, 0.0, 0.0), (1.0, 0.0, 0.0))


def blueprint() -> Any:
    """A rerun.blueprint.Blueprint."""
    import rerun.blueprint as rrb

    def scene(name: str, eye: tuple, target: tuple, up: tuple) -> Any:
        controls = rrb.EyeControls3D(position=eye, look_target=target, eye_up=up)
        return rrb.Spatial3DView(origin=VEHICLE, contents=["+ /map/**"], name=name, background=BACKGROUND, eye_controls=controls)

    def figures(name: str, group: str) -> Any:
        return rrb.TimeSeriesView(origin=f"/figures/{group}", name=name)

    return rrb.Blueprint(
        rrb.Vertical(
            rrb.Horizontal(
                rrb.Tabs(scene("Behind", *BEHIND), scene("Above", *ABOVE)),
                rrb.Vertical(
                    rrb.MapView(origin="/place", name="Map"),
                    rrb.StateTimelineView(origin="/states", name="States"),
                    row_shares=[3, 2],
                ),
                column_shares=[2, 1],
            ),
            rrb.Tabs(
                rrb.Horizontal(
                    figures("Speed, m/s", "speed"), figures("Lead, m", "lead"), figures("Lane, m", "lane"), name="Drive"
                ),
                rrb.Horizontal(
                    figures("Acceleration, m/s2", "acceleration"), figures("Road wheel angle, rad", "steering"), name="Commands"
                ),
                rrb.Horizontal(
                    figures("Position, 1 sigma, m", "sigma"), figures("Test ratio, above 1 = rejected", "test_ratio"),
                    name="Ego filter",
                ),
            ),
            row_shares=[5, 3],
        ),
        collapse_panels=True,
    )  # fmt: skip
