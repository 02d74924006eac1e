"""Recordings packed with gzip are read as they are; a cut one gives its beginning."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest

from autonomy.cli.main import main
from autonomy.errors import LogError
from autonomy.log.opening import open_recording
from tests.log.formats.recordings import START_NS, Frame, read_frames, write_log
from tests.log.formats.test_round_trip import export

FOUND = [
    Frame(START_NS // 1000 * 1000 + n * 1_000_000, 0x100, n % 2, 0, (n * n * 40_503).to_bytes(8, "little")) for n in range(3000)
]


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("ending", [".log", ".asc", ".blf", ".trc", ".csv"])
def test_packed_it_is_the_same_and_leaves_nothing(tmp_path, temporary, ending):
    plain, packed = tmp_path / f"a{ending}", tmp_path / f"a{ending}.gz"
    with open_recording(write_log(tmp_path / "a.mcap", FOUND)) as reader:
        assert reader.counts
    if ending == ".csv":
        assert main(["log", "export", "--raw", str(tmp_path / "a.mcap"), str(plain)]) == 0
    else:
        export(tmp_path / "a.mcap", plain)
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    with open_recording(packed) as reader:
        assert not list(temporary.iterdir())
        assert reader.path == packed and not reader.truncated
    assert read_frames(packed) == read_frames(plain)


def test_a_log_of_ours_too(tmp_path):
    write_log(tmp_path / "a.mcap", FOUND)
    (tmp_path / "a.mcap.gz").write_bytes(gzip.compress((tmp_path / "a.mcap").read_bytes()))
    assert read_frames(tmp_path / "a.mcap.gz") == FOUND


def test_a_cut_one_gives_its_beginning_and_says_so(tmp_path, capsys):
    export(write_log(tmp_path / "a.mcap", FOUND), tmp_path / "a.log")
    data = gzip.compress((tmp_path / "a.log").read_bytes())
    (tmp_path / "a.log.gz").write_bytes(data[: len(data) // 2])
    found = read_frames(tmp_path / "a.log.gz")
    assert 500 < len(found) < 2500 and found == FOUND[: len(found)]
    assert main(["log", "info", str(tmp_path / "a.log.gz")]) == 3
    assert "the packed file is cut or damaged" in capsys.readouterr().err


def test_what_cannot_be_read_packed_says_how_to_unpack(tmp_path, temporary):
    export(write_log(tmp_path / "a.mcap", FOUND[:10]), tmp_path / "a.mf4")
    (tmp_path / "a.mf4.gz").write_bytes(gzip.compress((tmp_path / "a.mf4").read_bytes()))
    with pytest.raises(LogError, match=r"a packed MF4 file; unpack it first: gunzip -k .*a.mf4.gz"):
        open_recording(tmp_path / "a.mf4.gz")
    (tmp_path / "a.db3.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(20))
    with pytest.raises(LogError, match="packed with zstd; unpack it first: zstd -d"):
        open_recording(tmp_path / "a.db3.zst")
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"nothing known"))
    with pytest.raises(LogError, match=r"a.gz is of no known format"):
        open_recording(tmp_path / "a.gz")
    assert not list(temporary.iterdir())
