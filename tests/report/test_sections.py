"""Single sections: outages, consistency, events, the drive seen from the vehicle."""

from __future__ import annotations

import numpy as np
import pytest

from autonomy import msg
from autonomy.report import birdseye, consistency
from autonomy.report.drive import Drive
from autonomy.report.sections import aids, events, outages
from autonomy.report.sections import birdseye as seen
from autonomy.report.sections.section import Link
from tests.report import drives


def told(run) -> list[tuple[str, str]]:
    section = events.section(Drive(run))
    return [(row[1], row[2]) for table in section.tables for row in table.rows]


def quiet_run(ticks: int = 2000):
    """A made-up run in which nothing happens."""
    run = drives.run(ticks)
    out = run.outputs
    for message, field, value in (
        ("actuation", "mode", 3), ("actuation", "limited", 0), ("plan", "behaviour", 1), ("health", "level", 0),
        ("health", "faults", 0), ("lane", "status", 1),
    ):  # fmt: skip
        out[message][field] = value
    return run


def test_a_quiet_run_has_no_event():
    assert told(quiet_run()) == []
    assert "Nothing happened" in events.section(Drive(quiet_run())).text


def test_every_kind_of_event_is_told_at_its_time():
    run = quiet_run()
    out = run.outputs
    out["actuation"]["mode"][500:] = 2
    out["health"]["faults"][600:700] = msg.constants("Health")["FAULT_GNSS_STALE"]
    out["health"]["overflow"][800:] = 3
    out["ego"]["resets"][900:] = 1
    aid = out["ego"]["aids"][:, 0]
    aid["accepted"][1000:1050] = aid["accepted"][999]
    aid["rejected"][1000:] = np.minimum(np.arange(1000) // 10, 4)
    aid["accepted"][1050:] = aid["accepted"][999] + np.arange(950) // 10
    section = events.section(Drive(run))
    rows = {(row[1], row[2]): row[0] for row in section.tables[0].rows}
    assert rows[("Mode", "shadow → minimal-risk manoeuvre")].target == "#t=5.01"
    assert rows[("Fault", "GNSS stale for 1.00 s")] == Link("6.01 s", "#t=6.01")
    assert ("Overflow", "samples found no room in their tick's list (3)") in rows
    assert ("Ego filter", "began anew") in rows
    assert any(kind == "Refused" and text.startswith("GNSS position: 4 refused in series") for kind, text in rows)


def test_the_ticks_time_jumping_is_an_event():
    run = quiet_run()
    for name in run.outputs.dtype.names:
        if run.outputs.dtype[name].names:
            run.outputs[name]["time_ns"][1000:] += 3_000_000_000
    assert ("Clock", "the ticks' time jumps by 3.01 s") in told(run)


def test_flicker_is_counted_not_listed():
    run = quiet_run()
    run.outputs["plan"]["behaviour"] = np.arange(2000) // 10 % 2 + 1
    section = events.section(Drive(run))
    assert len(section.tables[0].rows) == events.MOST_OF_A_KIND
    assert section.missing == "Behaviour: 174 more" and "199 events" in section.tables[0].caption


def test_white_noise_is_found_white_and_coloured_noise_is_not():
    noise = np.random.default_rng(0).standard_normal(4000)
    coloured = np.convolve(noise, np.ones(5) / 5, mode="same")
    assert np.abs(consistency.autocorrelation(noise)).max() < 3.0 / np.sqrt(4000)
    assert consistency.autocorrelation(coloured)[0] == pytest.approx(0.8, abs=0.05)
    assert len(consistency.autocorrelation(noise[:10])) == 0
    assert len(consistency.autocorrelation(np.ones(100))) == 0


def test_the_mean_nis_of_fitting_noise_lies_in_its_band():
    squares = np.random.default_rng(1).chisquare(2, 4000)
    found = consistency.windowed_nis(np.arange(4000) * 0.1, np.cumsum(squares), 2 * np.arange(1, 4001))
    inside = (found.nis_per_dof > found.low) & (found.nis_per_dof < found.high)
    assert len(found.time_s) == consistency.WINDOWS and inside.mean() > 0.85
    assert found.nis_per_dof.mean() == pytest.approx(1.0, abs=0.1)
    assert consistency.windowed_nis(np.arange(5.0), np.arange(5.0), np.arange(5)) is None


def test_each_aid_shows_size_shape_and_colour_of_its_innovations():
    titles = [figure.title for figure in aids.section(Drive(drives.run())).figures]
    for part in ("innovation", "test ratio", "histogram", "autocorrelation"):
        assert f"GNSS position: {part}" in titles and f"Wheel speed: {part}" in titles


def test_outages_are_listed_the_worst_first_and_drawn_over_time_and_distance():
    section = outages.section(Drive(drives.run()))
    assert [figure.title for figure in section.figures] == ["Drift over time", "Drift over distance"]
    (table,) = section.tables
    assert [row[4] for row in table.rows] == ["0.530 %", "0.370 %"]
    assert "median 0.450 %, 90 % below 0.520 %, worst 0.530 %" in table.caption


def test_many_outages_show_their_median_and_the_worst():
    run = drives.run()
    one = run.outage_runs[0]
    run.outage_runs = [one[start:].copy() for start in range(0, 3000, 100)]
    run.metrics["outages"] = [
        {
            "start_s": 20.0 + start / 100,
            "duration_s": 30.0,
            "distance_m": 900.0,
            "drift_m": 3.0,
            "drift_percent": 0.3 + start / 1e4,
        }
        for start in range(0, 3000, 100)
    ]
    section = outages.section(Drive(run))
    labels = [label for figure in section.figures[:2] for _, _, label in figure.legend]
    assert labels == ["each run", "worst, from 49.0 s", "median"] * 2
    assert section.figures[2].title == "Drift by the time of the start"


def test_without_outages_the_section_says_how_to_ask_for_them():
    run = drives.run(500)
    run.metrics["outages"] = []
    assert "--outages" in outages.section(Drive(run)).missing


def rows(**lane_values):
    lane, plan, tracks = (np.zeros(1, msg.dtype(name)) for name in ("LaneState", "Plan", "TrackList"))
    for name, value in {"status": 1, "width_left": 1.75, "width_right": 1.75, "valid_distance_m": 155.0, **lane_values}.items():
        lane[name] = value
    plan["fallback_valid"], plan["fallback_distance"] = 1, 60.0
    tracks["lead_distance"] = np.nan
    return lane, plan, tracks


def points(path: str) -> np.ndarray:
    """Vehicle axes in metres of path data."""
    pairs = [pair.split() for stroke in path.split("M")[1:] for pair in stroke.replace("h0", "").strip("Z").split("L")]
    pixels = np.array(pairs, float)
    return np.column_stack(
        [pixels[:, 0] / birdseye.PIXELS_PER_M - birdseye.BEHIND_M, (birdseye.MIDDLE - pixels[:, 1]) / birdseye.PIXELS_PER_M]
    )


def test_a_vehicle_left_of_its_lane_sees_the_lane_on_its_right():
    lane, plan, tracks = rows(offset=1.0)
    found = birdseye.scene(1.0, "", lane[0], plan[0], tracks[0])
    middle = points(found.middle)
    assert middle[:, 1] == pytest.approx(-1.0, abs=0.1) and middle[-1, 0] == pytest.approx(155.0, abs=0.2)
    assert points(found.lane)[:, 1].max() == pytest.approx(0.75, abs=0.1)
    assert found.objects == found.lead == birdseye.NOWHERE
    assert points(found.stop)[-1] == pytest.approx((60.0, 0.0), abs=0.2)


def test_curvature_to_the_left_bends_the_lane_to_the_left():
    lane, plan, tracks = rows(curvature=1 / 500.0, preview=1 / 500.0)
    middle = points(birdseye.scene(1.0, "", lane[0], plan[0], tracks[0]).middle)
    assert middle[-1, 1] == pytest.approx(500.0 * (1.0 - np.cos(155.0 / 500.0)), abs=0.3)


def test_objects_and_lead_are_where_their_tracks_are():
    lane, plan, tracks = rows()
    tracks["count"] = 3
    for place, (x, y, status) in enumerate(((40.0, -3.0, 2), (60.0, 0.5, 3), (20.0, 0.0, 1))):
        track = tracks["tracks"][0, place]
        track["x"], track["y"], track["status"], track["track_id"] = x, y, status, place + 7
    tracks["lead_distance"], tracks["lead_track_id"] = 60.0, 8
    tracks["tracks"][0, 1]["velocity_x"], tracks["tracks"][0, 1]["velocity_y"] = 20.0, 2.0
    found = birdseye.scene(1.0, "", lane[0], plan[0], tracks[0])
    beside, ahead = points(found.objects), points(found.lead)
    assert len(beside) == len(ahead) == 4, "the tentative one is not drawn"
    assert beside[:, 0].min() == pytest.approx(40.0, abs=0.02) and beside[:, 1].mean() == pytest.approx(-3.0, abs=0.02)
    face, end = ahead[1:3].mean(axis=0), ahead[[0, 3]].mean(axis=0)
    assert face == pytest.approx((60.0, 0.5), abs=0.02) and np.arctan2(*(end - face)[::-1]) == pytest.approx(0.0997, abs=0.01)


def test_a_lead_without_a_track_in_view_is_a_dot_on_the_path():
    lane, plan, tracks = rows(offset=0.5)
    tracks["lead_distance"] = 60.0
    assert points(birdseye.scene(1.0, "", lane[0], plan[0], tracks[0]).lead) == pytest.approx(np.array([[60.0, -0.5]]), abs=0.02)


def test_the_wanted_path_goes_as_far_as_the_target_speed():
    lane, plan, tracks = rows()
    assert birdseye.scene(1.0, "", lane[0], plan[0], tracks[0]).wanted == birdseye.NOWHERE, "standby wants nothing"
    plan["behaviour"], plan["target_speed"], plan["lateral_target"] = 1, 20.0, 0.3
    wanted = points(birdseye.scene(1.0, "", lane[0], plan[0], tracks[0]).wanted)
    assert wanted[:, 1] == pytest.approx(0.3, abs=0.02) and wanted[[0, -1], 0] == pytest.approx((0.0, 80.0), abs=0.02)


def test_the_combination_is_to_scale():
    vehicle = np.zeros((), msg.dtype("VehicleParameters"))
    for name, value in (("front_overhang_m", 5.2), ("rear_overhang_m", 11.3), ("width_m", 2.55), ("hitch_offset_m", -0.6)):
        vehicle[name] = value
    vehicle["has_trailer"] = 1
    lane, plan, tracks = rows()
    corners = points(birdseye.scene(1.0, "", lane[0], plan[0], tracks[0], vehicle, 0.0).ego)
    assert corners[:, 0].max() == pytest.approx(5.2, abs=0.02) and corners[:, 0].min() == pytest.approx(-11.3, abs=0.02)
    assert np.ptp(corners[:, 1]) == pytest.approx(2.55, abs=0.04)
    turned = points(birdseye.scene(1.0, "", lane[0], plan[0], tracks[0], vehicle, 0.1).ego)
    cab_and_chassis, trailer = turned[:8], turned[8:]
    assert np.abs(cab_and_chassis[:, 1]).max() < 1.3
    assert trailer[:, 1].min() < -2.3, "a trailer that looks to the left stands to the right"


def test_the_lanes_beside_are_drawn_where_the_road_has_them():
    lane, plan, tracks = rows(offset=0.5)
    assert birdseye.scene(1.0, "", lane[0], plan[0], tracks[0]).lanes == birdseye.NOWHERE, "the stack knows its own lane only"
    found = birdseye.scene(1.0, "", lane[0], plan[0], tracks[0], road=birdseye.Road(2, 1, 3.5)).lanes
    lines = [points("M" + stroke) for stroke in found.split("M")[1:]]
    assert [line[:, 1].mean() for line in lines] == pytest.approx([4.75, 8.25, -5.75], abs=0.1)
    assert all(line[-1, 0] == pytest.approx(155.0, abs=0.2) for line in lines)
    alone = birdseye.scene(1.0, "", lane[0], plan[0], tracks[0], road=birdseye.Road(0, 0, 3.5))
    assert alone.lanes == birdseye.NOWHERE


def test_unknown_numbers_draw_nothing():
    lane, plan, tracks = rows(offset=np.nan, width_left=np.nan)
    plan["fallback_curvature"] = np.nan
    found = birdseye.scene(1.0, "", lane[0], plan[0], tracks[0])
    assert "nan" not in found.text()


def test_the_scenes_are_bounded_however_long_the_drive():
    for ticks in (300, 20_000):
        section = seen.section(Drive(drives.run(ticks)))
        (figure,) = section.figures
        count = figure.svg.partition('data-scenes="')[2].partition('"')[0].count(";") + 1
        assert min(ticks, 890) <= count <= seen.MOST_SCENES and len(figure.svg) < 900_000
