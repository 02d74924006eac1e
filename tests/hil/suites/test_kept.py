"""A suite that was ended goes on where it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hil.suites._kept import kept_in
from hil.suites._pool import mapped

calls = []


def doubled(number: int) -> np.ndarray:
    calls.append(number)
    return np.full(3, 2 * number)


def test_what_was_computed_before_is_not_computed_again(tmp_path):
    calls.clear()
    assert [found[0] for found in mapped(doubled, [1, 2], 1, tmp_path)] == [2, 4]
    assert [found[0] for found in mapped(doubled, [1, 2, 3], 1, tmp_path)] == [2, 4, 6]
    assert calls == [1, 2, 3]


def test_other_code_computes_anew(tmp_path):
    calls.clear()
    kept = kept_in(tmp_path, parts=["hil/suites"])
    kept.result(doubled, 1)
    replace(kept, fingerprint="of other code").result(doubled, 1)
    assert calls == [1, 1]


def test_a_half_written_result_is_no_result(tmp_path):
    kept = kept_in(tmp_path, parts=["hil/suites"])
    kept.result(doubled, 1)
    (path,) = tmp_path.glob("*.pickle")
    path.rename(path.with_suffix(".part"))
    calls.clear()
    assert kept.result(doubled, 1)[0] == 2
    assert calls == [1]


def test_nothing_is_kept_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mapped(doubled, [1], 1)
    assert not list(tmp_path.iterdir())
