"""Worker processes: many logs each, and no log takes another one down."""

from __future__ import annotations

import pytest

from autonomy.corpus import processes
from autonomy.corpus.case import Case, Settings

FUNCTION = "tests.corpus.misbehaving:run_case"


def run(names: list[str], jobs: int = 2, **settings) -> dict[str, dict]:
    cases = [Case(name, f"{name}.mcap", time_out_s=1.0 if name.startswith("hangs") else None) for name in names]
    rows = list(processes.run(cases, Settings("unused", **settings), jobs, FUNCTION))
    assert len(rows) == len(names)
    return {row["name"]: row for row in rows}


def test_a_worker_takes_many_logs():
    rows = run([f"good-{number:02d}" for number in range(20)])
    assert all(row["verdict"] == "pass" for row in rows.values())
    assert len({row["reason"] for row in rows.values()}) <= 2


@pytest.mark.parametrize(
    "kind, said, exit_code",
    [
        ("killed", "ended by SIGKILL", 70),
        ("segfault", "ended by SIGSEGV", 70),
        ("exits", "ended with exit code 3", 70),
        ("hangs", "timed out: not finished within 1 s", 1),
        ("hangs_in_c", "timed out: not finished within 1 s", 1),
    ],
)
def test_a_log_that_ends_its_worker_harms_no_other(kind, said, exit_code):
    rows = run(["good-1", f"{kind}-1", "good-2", f"{kind}-2", "good-3"], jobs=1)
    for name, row in rows.items():
        if name.startswith("good"):
            assert row["verdict"] == "pass"
        else:
            assert row["verdict"] == "error" and said in row["reason"] and row["exit_code"] == exit_code


def test_ending_early_ends_the_workers():
    rows = processes.run([Case("good-1", "a"), Case("hangs-1", "b"), Case("hangs-2", "b")], Settings("unused"), 2, FUNCTION)
    next(rows)
    rows.close()  # returns although two logs hang


def test_cases_start_in_their_order():
    rows = list(processes.run([Case(f"good-{number}", "") for number in range(6)], Settings("unused"), 1, FUNCTION))
    assert [row["name"] for row in rows] == [f"good-{number}" for number in range(6)]
