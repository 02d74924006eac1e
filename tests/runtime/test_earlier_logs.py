"""Logs that are there before a run: a crash's are kept, closed ones give way only to a run that has something to tell."""

from __future__ import annotations

import numpy as np

from autonomy import msg
from autonomy.log.writer import LogWriter
from autonomy.runtime.earlier_logs import keep_unfinished, standing_aside, told_of_earlier

NAMES = ("run.mcap", "run_0000.mcap", "run_0007.mcap", "run_event_0000.mcap")


def there(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def written(folder, text: bytes, names=NAMES) -> None:
    for name in names:
        (folder / name).write_bytes(text)


def test_a_log_that_was_never_closed_is_kept_by_the_next_run(tmp_path):
    path = tmp_path / "run.mcap"
    with LogWriter(path) as log:
        log.write("/parameters", 1, np.zeros(1, msg.dtype("Parameters"))[0])
    assert keep_unfinished(path) == [] and path.exists()
    whole = path.read_bytes()
    for number in (1, 2):
        path.write_bytes(whole[:-20])
        assert keep_unfinished(path) == [(path, tmp_path / f"run_unfinished_000{number}.mcap")] and not path.exists()
    path.write_bytes(b"")
    assert len(keep_unfinished(path)) == 1 and keep_unfinished(path) == []
    pieces = [tmp_path / f"run_{name}.mcap" for name in ("0000", "0001", "event_0000")]
    for piece in pieces:
        piece.write_bytes(whole[:-20])
    pieces[0].write_bytes(whole)
    assert [old for old, _ in keep_unfinished(path)] == pieces[1:] and pieces[0].exists()
    assert (tmp_path / "run_event_0000_unfinished_0001.mcap").exists()


def test_pieces_of_an_earlier_recording_are_told(tmp_path):
    assert told_of_earlier(tmp_path / "run.mcap") == []
    for name in ("run.mcap", "run_0003.mcap", "run_event_0000.mcap", "other_0000.mcap"):
        (tmp_path / name).write_bytes(b"")
    (line,) = told_of_earlier(tmp_path / "run.mcap")
    assert "run_0003.mcap, run_event_0000.mcap of an earlier" in line and "other" not in line


def test_a_refused_run_leaves_everything_as_it_was(tmp_path):
    written(tmp_path, b"old")
    (tmp_path / "run.json").write_text("{}")
    before = there(tmp_path)
    with standing_aside(tmp_path / "run.mcap"):
        assert not (tmp_path / "run.mcap").exists()
        written(tmp_path, b"empty", ("run_0000.mcap", "run_0001.mcap"))
    assert there(tmp_path) == before


def test_a_run_that_has_driven_writes_over_what_it_comes_to(tmp_path):
    written(tmp_path, b"old")
    with standing_aside(tmp_path / "run.mcap") as earlier:
        written(tmp_path, b"new", ("run_0000.mcap", "run_0001.mcap"))
        earlier.give_way()
    new = dict.fromkeys(("run_0000.mcap", "run_0001.mcap"), b"new")
    assert there(tmp_path) == dict.fromkeys(NAMES, b"old") | new


def test_what_a_killed_run_left_aside_comes_back(tmp_path):
    written(tmp_path, b"old", [f"{name}.earlier" for name in NAMES])
    written(tmp_path, b"new", ("run_0000.mcap",))
    with standing_aside(tmp_path / "run.mcap"):
        pass
    assert there(tmp_path) == dict.fromkeys(NAMES, b"old") | {"run_0000.mcap": b"new"}


def test_a_folder_without_logs_stays_without(tmp_path):
    with standing_aside(tmp_path / "run.mcap"):
        written(tmp_path, b"empty", ("run.mcap",))
    assert there(tmp_path) == {}
