"""Processes that keep others beside the loop end when the loop's process says so, not when a service manager tells everybody."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from autonomy.runtime.keeper import has_to_end, tell_to_end

PATIENCE_S = 20.0


def keep(parent: int, pipe) -> None:
    """Answers each word with whether it has to end, until it has to."""
    ends = has_to_end(parent)
    pipe.send(False)
    while pipe.recv():
        pipe.send(ends())


@pytest.fixture
def keeper():
    ours, theirs = multiprocessing.get_context("fork").Pipe()
    process = multiprocessing.get_context("fork").Process(target=keep, args=(os.getpid(), theirs))
    process.start()
    assert ours.poll(PATIENCE_S) and ours.recv() is False

    def asked() -> bool:
        ours.send(True)
        assert ours.poll(PATIENCE_S), "it is gone"
        return ours.recv()

    yield process, asked
    ours.send(False)
    process.join(PATIENCE_S)


def test_what_the_whole_group_is_told_does_not_end_it_and_its_parent_does(keeper):
    process, asked = keeper
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(process.pid, number)
        assert not asked()
    tell_to_end(process.pid)
    assert asked()


def test_one_that_is_gone_need_not_be_told():
    process = multiprocessing.get_context("fork").Process(target=lambda: None)
    process.start()
    process.join()
    tell_to_end(process.pid)
