"""`autonomy hil live` as a CI server sees it."""

from xml.etree import ElementTree

import pytest

from autonomy.cli.main import main
from autonomy.errors import EnvironmentFault


def test_a_drive_that_cannot_be_made_is_told_to_the_ci_server_too(monkeypatch, tmp_path, capsys):
    def no_drive(*given, **options):
        raise EnvironmentFault("no bus here: start one")

    monkeypatch.setattr("hil.rig.drive.drive", no_drive)
    assert main(["hil", "live", "-o", str(tmp_path)]) == 4
    (case,) = ElementTree.parse(tmp_path / "junit.xml").getroot().iter("testcase")
    assert "no bus here: start one" in ElementTree.tostring(case, encoding="unicode") and case.find("error") is not None
    assert "no bus here: start one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [(["--cpu", "4711"], 2, "--cpu 4711: this machine gives"),
     (["--config", "vehicles/none"], 2, "no configuration 'vehicles/none'")],
)  # fmt: skip
def test_a_stack_or_truck_that_refuses_ends_the_drive_with_its_sentence(words, code, said, tmp_path, capsys):
    """It hung: the truck waited for a word that nobody would say, and so did its end."""
    assert main(["hil", "live", "-o", str(tmp_path), "--duration", "2", *words]) == code
    assert capsys.readouterr().err.count(said) == 1
