"""The loop in lockstep: a rig that never comes is told, instead of waited for without an end."""

from __future__ import annotations

import queue

from autonomy.runtime import lockstep


def test_a_rig_that_tells_no_time_is_told(monkeypatch):
    monkeypatch.setattr(lockstep, "PATIENCE_S", 0.0)
    steps = lockstep.Lockstep(None, {}, None, None, queue.Queue(), None, lambda *_: None, lambda *_: None)
    steps.run(None)
    assert "no rig told the time within 0 s; does 'autonomy hil truck --lockstep' run" in steps.error
