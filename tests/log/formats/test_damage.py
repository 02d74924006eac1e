"""Cut and garbled recordings of every format: what stands before is read, nothing crashes, hangs or goes unsaid."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autonomy.errors import LogError
from autonomy.log.exporters import EXPORTERS
from autonomy.log.formats import frames as can
from autonomy.log.opening import FORMATS, open_recording
from tests.log.formats.captures import capture, capture_ng
from tests.log.formats.nmfta_pages import nmfta
from tests.log.formats.recordings import START_NS, Frame, frames_of, ordered, write_log

FRAMES = [
    Frame(START_NS // 1000 * 1000 + number * 1_000_000, 0x18FEF100 | can.EXTENDED if number % 2 else 0x123, number % 2, 0,
          bytes(range(number % 9))) for number in range(16)
] + [Frame(START_NS // 1000 * 1000 + 17_000_000, 0x77, 0, can.BIT_RATE_SWITCH, bytes(64), True),
     Frame(START_NS // 1000 * 1000 + 18_000_000, 0x77, 0, can.REMOTE, b"", asked=4)]  # fmt: skip
TEXTS = (".log", ".asc", ".trc", ".csv")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> dict[str, bytes]:
    """A small recording of each format by its ending."""
    folder = tmp_path_factory.mktemp("formats")
    log = write_log(folder / "a.mcap", FRAMES)
    found = {}
    for ending, module in EXPORTERS.items():
        with open_recording(log) as reader:
            import_module(module).export(reader, folder / ("b" + ending))
        found[ending] = (folder / ("b" + ending)).read_bytes()
    return found | {".bin": nmfta(3), ".pcap": capture(12), ".pcapng": capture_ng(8)}


def read_all(path: Path) -> tuple[list[Frame], str | None]:
    with open_recording(path) as reader:
        counts = reader.check()
        assert reader.counts in (None, counts)
        found = frames_of(reader)
        assert len(found) == sum(count for topic, count in counts.items() if topic.startswith("/raw/can"))
        if reader.start_ns is not None:
            assert 0 <= reader.start_ns <= reader.end_ns
        return found, reader.problem


@pytest.mark.parametrize("ending", [".blf", *TEXTS, ".bin", ".pcap", ".pcapng"])
def test_cut_at_every_byte(tmp_path, recordings, ending):
    """A beginning of the frames comes, never a false one; a cut within a frame is told."""
    data = recordings[ending]
    path = tmp_path / ("a" + ending)
    path.write_bytes(data)
    whole, problem = read_all(path)
    assert problem is None and whole
    counts = []
    for end in range(0, len(data), 1 if len(data) < 1600 else 3):
        path.write_bytes(data[:end])
        try:
            found, problem = read_all(path)
        except LogError as error:
            assert str(path) in str(error)
            continue
        assert found == ordered(whole[: len(found)]), end
        if found and len(found) < len(whole) and ending not in TEXTS and ending not in (".pcap", ".pcapng", ".bin"):
            assert problem, end
        counts.append(len(found))
    assert counts == sorted(counts) and counts[-1] >= len(whole) - 1


def test_a_cut_container_gives_its_beginning(tmp_path, recordings):
    """Deflated bytes unpack as far as they go: a power cut costs the frames behind it only."""
    data = recordings[".blf"]
    path = tmp_path / "a.blf"
    path.write_bytes(data[: len(data) // 2])
    found, problem = read_all(path)
    assert 0 < len(found) < len(FRAMES) and "the file ends at byte" in problem


def test_a_last_line_without_its_end_is_left_out_and_told(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("(1.000000) can0 123#1122\n(2.000000) can0 123#1122")
    found, problem = read_all(path)
    assert len(found) == 1 and "no end" in problem


@pytest.mark.parametrize("ending", [".blf", *TEXTS, ".bin", ".pcap", ".pcapng"])
def test_garbled_bytes_never_crash(recordings, ending):
    data = recordings[ending]

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.tuples(st.integers(0, len(data) - 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6))
    def check(changes):
        garbled = bytearray(data)
        for at, content in changes:
            garbled[at : at + len(content)] = content
        with TemporaryDirectory() as folder:
            path = Path(folder, "a" + ending)
            path.write_bytes(garbled)
            try:
                read_all(path)
            except LogError as error:
                assert str(path) in str(error) or "interfaces" in str(error)

    check()


LETTERS = "0123456789ABCDEFabcdef#().RT canxdr,-:\n"
HEADS = {
    "blf": b"LOGG", "candump": b"(1.0) can0 123#11\n", "asc": b"date Sat Sep 30 10:06:13.191 2017\nbase hex\n",
    "trc": b";$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n",
    "csv": b"timestamp,arbitration_id,extended,remote,error,dlc,data\n",
    "pcap": b"\xd4\xc3\xb2\xa1" + bytes(16) + b"\1\0\0\0", "pcapng": b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a",
    "mf4": b"MDF     4.10    ", "rosbag1": b"#ROSBAG V2.0\n", "rosbag2": b"SQLite format 3\0",
}  # fmt: skip


def test_every_format_is_fuzzed():
    assert set(FORMATS) - {"nmfta"} <= set(HEADS)


@pytest.mark.parametrize("name", sorted(HEADS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(st.binary(max_size=600), st.text("0123456789ABCDEFabcdef#().RT canxdr,-:\n", max_size=300).map(str.encode))
)
def test_any_bytes_behind_a_signature_never_crash(tmp_path_factory, name, content):
    path = tmp_path_factory.getbasetemp() / f"fuzz.{name}"
    path.write_bytes(HEADS[name] + content)
    try:
        read_all(path)
    except LogError as error:
        assert str(path) in str(error)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(min_size=1, max_size=2000))
def test_any_bytes_are_a_format_or_a_sentence(content):
    with TemporaryDirectory() as folder:
        path = Path(folder, "a")
        path.write_bytes(content)
        try:
            read_all(path)
        except LogError as error:
            assert str(path) in str(error)


def test_a_cut_mf4_is_a_sentence_or_its_beginning(tmp_path, recordings):
    data = recordings[".mf4"]
    path = tmp_path / "a.mf4"
    for end in range(64, len(data), max(len(data) // 60, 1)):
        path.write_bytes(data[:end])
        try:
            found, problem = read_all(path)
        except LogError as error:
            assert str(path) in str(error)
            continue
        assert len(found) <= len(FRAMES)
