"""The lidar benchmark's mutated packets: a million in `autonomy bench lidar` and among the slow tests, thousands always."""

from __future__ import annotations

import pytest

from autonomy.bench import lidar


@pytest.mark.parametrize("count", [6_000, pytest.param(lidar.MUTATED, marks=pytest.mark.slow)])
def test_mutated_packets_are_survived_and_counted(count):
    row = lidar.mutated_row(count)
    assert row["met"] is True
    assert int(row["kernel"].split()[0]) >= count


def test_mutations_change_most_packets():
    import numpy as np

    packets = [bytes(range(200)) * 6, bytes(range(100, 200)) * 12]
    mutated = list(lidar.mutated(packets, 400, np.random.default_rng(0)))
    assert len(mutated) == 400 and sum(packet not in packets for packet in mutated) > 360
    assert len({len(packet) for packet in mutated}) > 50
