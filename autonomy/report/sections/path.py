"""The drive seen from above, and the position error with its bounds."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.geodesy import geodetic_to_enu
from autonomy.report.drive import Drive
from autonomy.report.errors import positions, reference_positions
from autonomy.report.map import Track, map_figure
from autonomy.report.plot import Line, error_figure, time_figure
from autonomy.report.sections.section import Section

MOST_RUNS, VERTICES_OF_RUNS = 200, 4000  # drawn without GNSS: the page stays small however many there are
TITLES = {"forward": "Position error forward", "left": "Position error to the left", "up": "Position error upward"}


def section(drive: Drive) -> Section:
    if drive.enu_origin is None:
        return Section("drive", "The drive", missing="The ego filter never found a position, so there is no path to draw.")
    seen = _map(drive)
    figures = [seen, *_position(drive, last_shape="wide" if seen.shape == "wide" else "")]
    missing = "" if drive.errors else "No reference in this log: the plots show the filter's own uncertainty alone."
    return Section(
        "drive",
        "The drive",
        "Where the vehicle went and where the stack thought it was. Error: estimate minus reference; shaded: three sigma "
        "as the filter itself believes.",
        tuple(figures),
        missing=missing,
    )


def _map(drive: Drive):
    origin, ego = drive.enu_origin, drive.ego
    tracks = []
    path = drive.result.path
    if path is not None and len(path) > 1:
        tracks.append(Track(np.asarray(path, float)[:, :2], "lanepath", _path_label(drive), background=True))
    if len(drive.reference):
        covered = (drive.reference["time_ns"] >= ego["time_ns"][0]) & (drive.reference["time_ns"] <= ego["time_ns"][-1])
        if covered.sum() > 1:
            label = "driven (receiver)" if drive.is_held_against_receiver else "driven (reference)"
            tracks.append(Track(reference_positions(drive.reference[covered], origin)[:, :2], "driven", label))
    fixes = _fixes(drive, origin)
    if len(fixes):
        tracks.append(Track(fixes, "s5", "GNSS fixes", dots=True))
    tracks.append(Track(positions(ego, origin)[:, :2], "s1", "estimated", drive.seconds(ego["time_ns"])))
    runs = drive.result.outage_runs[:MOST_RUNS]
    for number, run in enumerate(runs):
        if len(run) > 1:
            run = run[:: -(-len(run) // max(VERTICES_OF_RUNS // len(runs), 20))]
            tracks.append(Track(positions(run, origin)[:, :2], "s2", "estimated without GNSS" if number == 0 else ""))
    return map_figure("Seen from above", tracks)


def _path_label(drive: Drive) -> str:
    label = drive.metrics.get("path")
    return f"lane path ({label})" if label and label != "none" else "lane path"


def _fixes(drive: Drive, origin) -> np.ndarray:
    rows = [
        (sample["latitude_deg"], sample["longitude_deg"])
        for _, samples in drive.input_messages("gnss")
        for sample in samples
        if sample["validity"] == 0
    ]
    if not rows:
        return np.zeros((0, 2))
    table = np.unique(np.array(rows, float), axis=0)
    return geodetic_to_enu(table[:, 0], table[:, 1], np.full(len(table), origin[2]), origin)[:, :2]


def _position(drive: Drive, last_shape: str):
    """Three plots beside a tall map, or two and a wide one below a wide map."""
    if drive.errors is None:
        yield from _own_uncertainty(drive, last_shape)
        return
    time = drive.seconds(drive.errors.time_ns)
    for axis, (error, sigma) in drive.errors.position.items():
        shape = last_shape if axis == "up" else ""
        yield error_figure(TITLES[axis], time, error, sigma, "error (m)", drive.x_range, least_span=0.2, shape=shape)


def _own_uncertainty(drive: Drive, last_shape: str):
    ego = drive.ego
    known = (ego["status"] & msg.constants("EgoState")["STATUS_POSITION_VALID"]) > 0
    time, sigma = drive.seconds(ego["time_ns"]), np.where(known[:, None], ego["sigma"], np.nan)
    names = ("east", "north", "up")
    marks = [Line(time, sigma[:, axis], f"s{axis + 1}", name) for axis, name in enumerate(names)]
    yield time_figure("Position, 1 sigma of the filter", marks, "sigma (m)", drive.x_range, settling=True)
    marks = [Line(time, sigma[:, 3 + axis], f"s{axis + 1}", name) for axis, name in enumerate(names)]
    yield time_figure("Velocity, 1 sigma of the filter", marks, "sigma (m/s)", drive.x_range, settling=True)
    marks = [Line(time, np.degrees(sigma[:, 8]), "s1", "heading")]
    yield time_figure("Heading, 1 sigma of the filter", marks, "sigma (°)", drive.x_range, settling=True, shape=last_shape)
