from hil.suites import tick


def test_the_tick_is_timed_while_the_stack_drives_and_nobody_else_is_there():
    """Not how fast: that is the suite's to tell, on a machine that does nothing else."""
    figures, most_tracks = tick.drive("Messages", 10.0)
    assert figures["driven_s"] > 2.0 and most_tracks == 0 and figures["ticks"] == 1000
    assert 0.0 < figures["tick_us"]["p50"] <= figures["tick_us"]["p99"]


def test_a_drive_that_the_stack_left_to_the_driver_is_no_figure(monkeypatch):
    times = {"p50": 1.0, "p99": 2.0}
    monkeypatch.setattr(tick, "drive", lambda level, seconds: ({"driven_s": 0.0, "tick_us": times}, 0))
    assert [row["met"] for row in tick.rows(quick=True, jobs=1, output=None)] == [False, None, False, None]
