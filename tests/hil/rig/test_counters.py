"""Counters over the seam between passes: no jump, checksums hold, and what the recording did itself is kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.cli.can.databases import Catalogue
from autonomy.errors import UsageError
from drivers.can.commanding.protection import is_sealed, seal
from hil.rig.counters import LEFT, MENDED, Counters, protect
from tests.drivers.can.build import can_frame, can_frames, dbc

ENGINE, SENDER = 0x00, 0x27
STEERING = dbc('0x2E4 STEERING_LKA 5 |; COUNTER : 6|6@0+ (1,0) [0|63] "" |; TORQUE : 15|16@0- (1,0) [0|0] "" '
               '|; CHECKSUM : 39|8@0+ (1,0) [0|255] ""')  # fmt: skip


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory) -> Catalogue:
    path = tmp_path_factory.mktemp("dbc") / "steering.dbc"
    path.write_text(STEERING)
    made = Catalogue.from_options([str(path)])
    protect(made, ["STEERING_LKA:CHECKSUM=toyota,COUNTER"])
    return made


def tsc1(catalogue: Catalogue, counter: int, torque: float = 0.0) -> np.void:
    return can_frame(*catalogue.codec.encode("TSC1", {"requested_torque": torque}, bus=255, source_address=SENDER,
                                             destination=ENGINE, counter=counter))  # fmt: skip


def sent_counters(counters: Counters, passes: int, frames: np.ndarray) -> list[int]:
    found = []
    for number in range(passes):
        if number:
            counters.next_pass()
        rows = frames.copy()
        counters.mend(rows)
        found += [int(row["data"][7]) & 0xF for row in rows]
        assert all(counters.codec.checksum_holds(int(row["id"]), row["data"].tobytes(), 255) for row in rows)
    return found


def test_pain_5_a_counter_goes_on_where_the_pass_before_ended(catalogue):
    frames = can_frames(*(tsc1(catalogue, number % 8, float(number)) for number in range(11)))
    counters = Counters(catalogue)
    found = sent_counters(counters, 3, frames)
    assert found == [number % 8 for number in range(33)] and +counters.counts == {MENDED: 22}


@given(st.lists(st.integers(0, 7), min_size=1, max_size=20), st.integers(2, 4))
def test_what_the_recording_did_is_kept(catalogue, recorded, passes):
    """Jumps and stuck counters of the recording stay; at each seam the step is one."""
    found = sent_counters(Counters(catalogue), passes, can_frames(*(tsc1(catalogue, counter) for counter in recorded)))
    steps = [(after - before) % 8 for before, after in zip(recorded, recorded[1:], strict=False)]
    assert [(after - before) % 8 for before, after in zip(found, found[1:], strict=False)] == ([*steps, 1] * passes)[:-1]


def test_the_first_pass_is_as_recorded(catalogue):
    frames = can_frames(tsc1(catalogue, 5), tsc1(catalogue, 5), tsc1(catalogue, 2))
    before = frames.copy()
    Counters(catalogue).mend(frames)
    assert (frames == before).all()


def test_a_tsc1_of_four_bits_is_sealed_by_its_own_rule(catalogue):
    plain = tsc1(catalogue, 0)
    identifier, data = int(plain["id"]), plain["data"].tobytes()
    frames = can_frames(*(can_frame(identifier, seal("4 bit", identifier, data, number)) for number in (14, 15)))
    counters = Counters(catalogue)
    for number in range(3):
        if number:
            counters.next_pass()
        rows = frames.copy()
        counters.mend(rows)
        assert all(is_sealed("4 bit", identifier, row["data"].tobytes()) for row in rows)
        assert [int(row["data"][7]) & 0xF for row in rows] == [(14 + 2 * number) % 16, (15 + 2 * number) % 16]


def test_a_checksum_of_an_unknown_rule_is_left_and_counted(catalogue):
    plain = tsc1(catalogue, 0)
    frame = can_frame(int(plain["id"]), plain["data"].tobytes()[:7] + b"\xff")
    counters = Counters(catalogue)
    for _ in range(2):
        rows = can_frames(frame)
        counters.mend(rows)
        assert rows[0]["data"].tobytes() == frame["data"].tobytes()
        counters.next_pass()
    assert counters.counts == {LEFT: 2}


def test_a_generic_counter_and_checksum_are_mended_where_they_are_named(catalogue):
    frames = can_frames(
        *(can_frame(*catalogue.codec.encode("STEERING_LKA", {"TORQUE": 5.0}, bus=255, counter=n)) for n in (9, 10, 11))
    )
    counters = Counters(catalogue)
    counters.mend(frames.copy())
    counters.next_pass()
    counters.mend(frames)
    assert [int(row["data"][0]) >> 1 & 0x3F for row in frames] == [12, 13, 14]
    assert all(catalogue.codec.checksum_holds(0x2E4, row["data"][:5].tobytes(), 255) for row in frames)


@pytest.mark.parametrize(
    ("text", "said"),
    [("STEERING_LKA", "write MESSAGE:CHECKSUM=KIND"), ("NIX:CHECKSUM=toyota", "no message NIX"),
     ("STEERING_LKA:CHECKSUM=md5", "unknown checksum kind"), ("STEERING_LKA:NIX=toyota", "has no signal NIX")],
)  # fmt: skip
def test_a_wrong_protection_is_one_sentence(catalogue, text, said):
    with pytest.raises(UsageError, match=f"--protect {text}") as told:
        protect(catalogue, [text])
    assert said in str(told.value)
