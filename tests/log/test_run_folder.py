"""A run's folder stands for the log in it."""

import pytest

from autonomy.log.run_folder import log_in


@pytest.mark.parametrize(
    ("written", "outputs", "found"),
    [
        (["run.mcap"], False, "run.mcap"),  # autonomy run
        (["drive.mcap", "output.mcap"], False, "drive.mcap"),  # autonomy hil run
        (["drive.mcap", "output.mcap"], True, "output.mcap"),
        (["output.mcap"], False, "output.mcap"),  # autonomy replay
        (["drive.mcap"], True, None),
        ([], False, None),
    ],
)
def test_the_log_of_a_run_is_found_by_the_program_that_wrote_it(tmp_path, written, outputs, found):
    for name in written:
        (tmp_path / name).touch()
    assert log_in(tmp_path, outputs) == (None if found is None else tmp_path / found)
