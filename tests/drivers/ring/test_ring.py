"""The ring: all orders of its steps in a small model, a plain queue as twin, two threads and two processes at full speed."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ring import Ring
from drivers.ring._ring import consume, produce
from tests.drivers.ring.model import ORDERINGS, explore

STRESS_ITEMS = 1_000_000
LONG_ITEMS = int(float(os.environ.get("AUTONOMY_RING_ITEMS", "1e8")))


@pytest.mark.parametrize(("capacity", "messages"), [(1, 4), (2, 3), (2, 4), (4, 4)])
def test_every_order_of_steps_delivers_every_message_whole_and_in_order(capacity, messages):
    states, wrong, always_on = explore(capacity, messages)
    assert wrong == set() and always_on
    assert states > 30


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_the_model_notices_when_an_ordering_is_left_out(ordering):
    _, wrong, _ = explore(1, 3, weakened=ordering)
    assert wrong, f"without '{ordering}' nothing went wrong: the model sees too little"


@given(st.lists(st.one_of(st.integers(0, 2**64 - 1), st.none()), max_size=200), st.sampled_from([1, 2, 8]))
def test_is_a_bounded_queue(actions, slots):
    """A number pushes it, None pops. The twin is a deque."""
    ring, twin, refused = Ring(slots, 8), deque(), 0
    for action in actions:
        if action is None:
            expected = twin.popleft() if twin else None
            found = ring.pop()
            assert (None if found is None else int.from_bytes(found, "little")) == expected
        elif ring.push(action.to_bytes(8, "little")):
            twin.append(action)
        else:
            refused += 1
            assert len(twin) == slots
        assert (len(ring), ring.refused) == (len(twin), refused)


def test_pops_many_at_once():
    ring = Ring(8, 16)
    items = np.arange(20, dtype=np.uint64).reshape(10, 2)
    assert [ring.push(item) for item in items] == [True] * 8 + [False] * 2
    rows = np.zeros((5, 2), np.uint64)
    assert ring.pop_many(rows) == 5 and (rows == items[:5]).all()
    assert ring.pop_many(rows) == 3 and (rows[:3] == items[5:8]).all()
    assert (ring.pop_many(rows), ring.pushed, ring.refused) == (0, 8, 2)


@pytest.mark.parametrize(("slots", "slot_bytes"), [(0, 8), (3, 8), (4, 0), (4, 12), (1 << 31, 1 << 20)])
def test_refuses_what_is_no_ring(slots, slot_bytes):
    with pytest.raises(ValueError):
        Ring(slots, slot_bytes)


def test_refuses_items_of_another_size():
    with pytest.raises(ValueError, match="of 4 bytes into slots of 8"):
        Ring(2, 8).push(b"four")


@pytest.mark.parametrize(("slots", "slot_bytes"), [(1, 8), (8, 64), (1024, 24)])
def test_two_threads_lose_and_tear_nothing(slots, slot_bytes):
    ring = Ring(slots, slot_bytes)
    items = STRESS_ITEMS if slots > 1 else STRESS_ITEMS // 100  # each step waits for the other side
    writer = threading.Thread(target=produce, args=(ring, items))
    writer.start()
    wrong = consume(ring, items)
    writer.join()
    assert (wrong, len(ring), ring.pushed) == (0, 0, items)


def test_two_processes_share_it():
    ring = Ring(64, 24)
    writer = multiprocessing.get_context("fork").Process(target=produce, args=(ring, 200_000))
    writer.start()
    wrong = consume(ring, 200_000)
    writer.join()
    assert (wrong, writer.exitcode, ring.pushed) == (0, 0, 200_000)


@pytest.mark.slow
@pytest.mark.parametrize("worker", [threading.Thread, multiprocessing.get_context("fork").Process], ids=["threads", "processes"])
def test_a_hundred_million_messages(worker, capsys):
    """None lost, torn or out of order; what that took is printed."""
    ring = Ring(1024, 24)
    began = time.perf_counter()
    writer = worker(target=produce, args=(ring, LONG_ITEMS))
    writer.start()
    wrong = consume(ring, LONG_ITEMS)
    writer.join()
    seconds = time.perf_counter() - began
    with capsys.disabled():
        print(f"\nring, {worker.__name__}: {ring.pushed:.3g} messages of 24 bytes in {seconds:.1f} s, "
              f"{1e-6 * LONG_ITEMS / seconds:.1f} million a second, {wrong} wrong")  # fmt: skip
    assert (wrong, len(ring), ring.pushed) == (0, 0, LONG_ITEMS)
