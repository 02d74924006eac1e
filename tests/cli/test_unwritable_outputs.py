"""Whatever keeps a command from writing is one sentence and exit code 4."""

from __future__ import annotations

import pytest

from autonomy import replay
from autonomy.cli.main import main
from hil import drive


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    replay(drive.record(folder / "drive.mcap", duration_s=1.0, seed=1), output_dir=folder, report=False)
    (folder / "afile").touch()
    return folder


@pytest.mark.parametrize(
    "command",
    [
        "report RUN RUN -o RUN/afile",
        "report RUN RUN -o RUN/afile/x",
        "report RUN RUN -o /proc/x",
        "report RUN RUN --junit RUN/afile/j.xml",
        "report RUN -o RUN/afile",
        "report RUN --junit /proc/x/j.xml",
        "replay RUN/drive.mcap -o RUN/afile",
        "replay RUN/drive.mcap --junit RUN/afile/j.xml",
        "test RUN/drive.mcap -o /proc/x",
        "demo --duration 1 -o /proc/x",
        "config freeze vehicles/demo_truck -o /proc/x.toml",
        "calibrate RUN/drive.mcap -o RUN/afile",
    ],
)
def test_an_output_that_cannot_be_written_is_one_sentence(command, run_folder, capsys):
    assert main(command.replace("RUN", str(run_folder)).split()) == 4
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("autonomy: ")]
    assert len(told) == 1 and ("cannot be written" in told[0] or "cannot write" in told[0])
