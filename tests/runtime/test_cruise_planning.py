"""Predictive cruise control of a live run, without a clock and processes: what the loop is told, and that its log replays."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from autonomy.runtime._journal import LIST_ROW

from autonomy import msg
from autonomy.errors import BadInputError
from autonomy.geodesy import enu_to_geodetic
from autonomy.log.reader import LogReader
from autonomy.log.sample_lists import NOT_IN_A_TICK
from autonomy.planning.route_grade import STEP_M, RouteGrade
from autonomy.planning.stored_road import Standing
from autonomy.runtime import figures
from autonomy.runtime.cruise_planning import CRUISE_ACCOUNT, CruiseRings, CruiseWorker
from autonomy.runtime.live import run
from autonomy.runtime.options import Options
from autonomy.runtime.predictive_cruise import LOCKSTEP_PLAN_NS, STEADY_LOOKS, PredictiveCruise
from autonomy.runtime.scan_rings import shared
from hil.sensors import ORIGIN
from hil.worlds.curved_road import CurvedRoad
from tests.runtime.drives import PERIOD_NS, drive, parts
from tests.runtime.replayed import replays_equal

PLAN_NS = 15_000_000  # that a plan takes here
ENGAGED = 400


def stored_route(grade: float = 0.004, aside_m: float = 0.0) -> RouteGrade:
    """Of the road that the drive takes; its world is level, the grade is near enough to be believed."""
    road = CurvedRoad().road
    points = np.array([road.at(float(s))[:2] for s in np.arange(0.0, 3000.0, STEP_M)]) + [0.0, aside_m]
    latitude, longitude, _ = enu_to_geodetic(np.column_stack([points, np.zeros(len(points))]), ORIGIN)
    return RouteGrade(latitude, longitude, *(np.full(len(points), value) for value in (grade, 0.002, 1.0)))


class Desk:
    """Rings, account and worker, turned by hand."""

    def __init__(self, route: RouteGrade):
        self.rings, self.account, self.now_ns = CruiseRings.make(), shared(CRUISE_ACCOUNT, 1)[0], 0
        self.worker = CruiseWorker(parts()[0].parameters, route, self.rings, self.account, lambda: self.now_ns)

    def turn(self, tick_ns: int) -> None:
        self.now_ns = tick_ns + PLAN_NS
        self.worker.turn()

    def tell(self, out: np.void, tick_ns: int) -> None:
        """The worker hears of a tick."""
        out = out.copy()
        out["tick_time_ns"] = tick_ns
        self.rings.outputs.push(np.array([out]))


@pytest.fixture(scope="module")
def driven(tmp_path_factory):
    path = tmp_path_factory.mktemp("cruise") / "run.mcap"
    desk = Desk(stored_route())
    _, outputs = drive(path, ticks=700, active=True, engage_tick=ENGAGED, cruise=desk.rings, beside=desk.turn)
    return desk, path, outputs


def test_the_truck_follows_the_plans(driven):
    desk, _, outputs = driven
    assert desk.account["plans"] >= 60 and desk.account["standings"][Standing.ON] == desk.account["plans"]
    assert (outputs["plan"]["cruise"][ENGAGED + 100 :] == 1).all() and not outputs["plan"]["cruise"][:10].any()


def test_the_log_holds_the_plans_as_the_loop_took_them(driven):
    desk, path, _ = driven
    with LogReader(path) as log:
        lists = log.read_topic("/in/cruise")
    fresh, taken = (lists[(lists["tick_index"] == NOT_IN_A_TICK) == is_fresh] for is_fresh in (True, False))
    taken = taken[taken["count"] > 0]
    assert len(fresh) == len(taken) == desk.account["plans"] - len(desk.rings.found)
    assert fresh["items"][:, 0].tobytes() == taken["items"][:, 0].tobytes()
    late_ns = fresh["items"]["received_time_ns"][:, 0] - fresh["items"]["valid_time_ns"][:, 0]
    assert (late_ns == PLAN_NS).all() and (np.diff(fresh["items"]["valid_time_ns"][:, 0]) == 10 * PERIOD_NS).all()


@pytest.mark.parametrize("mode", ["cuts", "frames"])
def test_the_log_replays_to_the_same_bytes(driven, mode):
    _, path, outputs = driven
    replays_equal(path, mode, outputs)


def doubtful(out):
    out["ego"]["sigma"][0] = 20.0


def against(out):
    out["ego"]["course"] += np.pi


def nowhere(out):
    out["ego"]["status"] = 0


@pytest.mark.parametrize(("change", "aside_m", "standing"), [
    (lambda out: None, 0.0, Standing.ON), (lambda out: None, 60.0, Standing.OFF), (doubtful, 0.0, Standing.PLACE_IN_DOUBT),
    (against, 0.0, Standing.OFF), (nowhere, 0.0, Standing.NO_POSITION)])  # fmt: skip
def test_where_the_place_is_not_sure_nothing_is_told(driven, change, aside_m, standing):
    out = driven[2][-1].copy()
    change(out)
    desk = Desk(stored_route(aside_m=aside_m))
    desk.tell(out, 10 * PERIOD_NS)
    desk.turn(10 * PERIOD_NS)
    assert desk.account["standing"] == standing and desk.account["standings"][standing] == 1
    assert len(desk.rings.found) == desk.account["plans"] == (standing == Standing.ON)


def test_without_a_known_grade_ahead_nothing_is_told(driven):
    desk = Desk(stored_route(np.nan))
    desk.tell(driven[2][-1], 10 * PERIOD_NS)
    desk.turn(10 * PERIOD_NS)
    assert desk.account["standing"] == Standing.NOT_LEARNED and not len(desk.rings.found)


def test_back_on_the_route_a_plan_begins_anew(driven):
    desk, on, off = Desk(stored_route()), driven[2][-1], driven[2][-1].copy()
    nowhere(off)
    for number, out in enumerate((on, on, off), start=1):
        desk.tell(out, number * 10 * PERIOD_NS)
        desk.turn(number * 10 * PERIOD_NS)
    assert desk.account["plans"] == 2 and desk.worker.planner.last_ns == 0
    assert not any(desk.worker.planner.before.values())


def test_of_outputs_that_wait_only_the_newest_is_planned_from(driven):
    desk = Desk(stored_route())
    for tick in range(25):
        desk.tell(driven[2][-1], tick * PERIOD_NS)
    desk.turn(24 * PERIOD_NS)
    (item,) = popped(desk)
    assert item["body"][32:40].view(np.int64)[0] == 24 * PERIOD_NS  # valid_time_ns of the first plan behind the head
    desk.tell(driven[2][-1], 29 * PERIOD_NS)
    desk.turn(29 * PERIOD_NS)
    assert not len(desk.rings.found), "the next tenth of a second has not begun"


def test_plans_that_find_no_room_are_counted(driven):
    desk = Desk(stored_route())
    slots = desk.rings.found.slots
    for number in range(slots + 3):
        desk.tell(driven[2][-1], number * 10 * PERIOD_NS)
        desk.turn(number * 10 * PERIOD_NS)
    assert desk.account["lists_lost"] == 3 and len(desk.rings.found) == slots


def popped(desk: Desk) -> np.ndarray:
    rows = np.zeros(8, LIST_ROW)
    return rows[: desk.rings.found.pop_many(rows)]


def test_in_lockstep_a_plan_is_there_a_fixed_time_behind_its_tick(driven, tmp_path):
    stored_route().save(tmp_path / "route.csv")
    with PredictiveCruise(parts()[0].parameters, str(tmp_path / "route.csv"), lockstep=True) as cruise:
        out = driven[2][-1].copy()
        out["tick_time_ns"] = 10 * PERIOD_NS
        cruise.outputs[0].push(np.array([out]))
        cruise.turn(10 * PERIOD_NS)
        rows = np.zeros(2, LIST_ROW)
        assert cruise.found[0].pop_many(rows) == 1 and rows["time_ns"][0] == 10 * PERIOD_NS + LOCKSTEP_PLAN_NS
        assert cruise.figures()["standings"]["on"] == cruise.figures()["plans"] == 1
        (line,) = figures.route_lines(cruise.figures())
        assert "route.csv: 1 plans" in line and line.endswith("0.1 s on")


def test_news_are_told_once_they_last(driven, tmp_path):
    stored_route().save(tmp_path / "route.csv")
    cruise = PredictiveCruise(parts()[0].parameters, str(tmp_path / "route.csv"), lockstep=True)
    cruise.account["standing"], cruise.account["standings"][0, Standing.ON], cruise.account["position_m"] = Standing.ON, 1, 1234.0
    told = [line for _ in range(3 * STEADY_LOOKS) for line in cruise.look()]
    assert told == ["route: on the route, 1.2 km from its start"]


def test_without_a_route_nothing_is_started_and_an_unsound_one_is_refused(tmp_path):
    cruise = PredictiveCruise(parts()[0].parameters, None)
    assert cruise.found == cruise.outputs == cruise.look() == cruise.complaints() == [] and cruise.figures() is None
    (tmp_path / "route.csv").write_text("nothing")
    with pytest.raises(BadInputError, match=r"route\.csv: line 1"):
        PredictiveCruise(parts()[0].parameters, str(tmp_path / "route.csv"))


def test_a_list_row_holds_a_plan():
    assert LIST_ROW["body"].shape[0] >= 32 + msg.dtype("CruisePlan").itemsize


@pytest.mark.slow
def test_a_planner_that_is_killed_is_started_again_and_the_run_says_so(tmp_path):
    stored_route().save(tmp_path / "route.csv")
    told = []

    def tell(text: str) -> None:
        told.append(text)
        if text.startswith("route: predictive"):
            (keeper,) = [child.pid for child in multiprocessing.active_children() if child.name == "cruise planner"]
            (planner,) = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
            os.kill(int(planner), signal.SIGKILL)

    channels = [f"cruise-{place}" for place in range(3)]
    found = run(Options("vehicles/demo_truck", "virtual", channels, duration_s=3.0, output=tmp_path / "run", priority=0,
                        allow_soft=True, route_file=str(tmp_path / "route.csv")), tell)  # fmt: skip
    assert any("3.0 km, grade known on 100 %" in line for line in told)
    assert found["route"]["restarts"] == 1 and found["route"]["standings"]["no_position"] > 5
    assert found["verdict"] == "fail" and "the cruise planner died or hung 1 times" in found["reasons"][0]
