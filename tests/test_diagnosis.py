"""`autonomy doctor`: each check finds what it should, and says how to mend it."""

from __future__ import annotations

import json
import os
from importlib import metadata

import pytest

from autonomy import diagnosis
from autonomy.cli.main import main


def test_pain_27_a_stale_or_missing_kernel_is_named_with_its_remedy(monkeypatch):
    def broken(name):
        raise ImportError("autonomy._tick was compiled for other message layouts")

    monkeypatch.setattr(diagnosis, "import_module", broken)
    found = diagnosis._kernels()
    assert found.state == diagnosis.FAILED and "other message layouts" in found.found and "make build" in found.remedy


def test_this_machine_can_run_the_stack(capsys):
    assert main(["doctor", "--json"]) == 0
    found = {item["what"]: item["state"] for item in json.loads(capsys.readouterr().out)["findings"]}
    assert found["Python"] == found["processor"] == found["compiled kernels"] == found["configurations"] == "good"


def test_a_failed_check_leaves_with_4(monkeypatch, capsys):
    monkeypatch.setattr(diagnosis, "OLDEST_PYTHON", (9, 0))
    assert main(["doctor"]) == 4
    assert "failed   Python" in capsys.readouterr().out


def test_an_old_processor_is_told_what_it_lacks(monkeypatch):
    monkeypatch.setattr(diagnosis.platform, "machine", lambda: "x86_64")
    found = diagnosis._processor("processor : 0\nflags\t\t: fpu sse2 avx\n")
    assert found.state == diagnosis.FAILED and "avx2" in found.found and "avx," not in found.found
    assert diagnosis._processor("flags : " + " ".join(diagnosis.X86_64_V3)).state == diagnosis.GOOD


def test_an_unknown_processor_is_not_refused(monkeypatch):
    monkeypatch.setattr(diagnosis.platform, "machine", lambda: "riscv64")
    assert diagnosis._processor().state == diagnosis.LIMITED


def test_missing_packages_and_extras_are_listed_with_the_command(monkeypatch):
    lines = ["numpy>=2.0", "nosuch>=3", "other-one>=1; extra == 'replay'", 'scipy; extra == "bench"']
    monkeypatch.setattr(metadata, "requires", lambda name: lines)
    assert diagnosis._packages()[0].remedy == "pip install 'nosuch>=3'"
    extras = {item.what: item for item in diagnosis._extras()}
    assert extras["extra [replay]"].state == diagnosis.LIMITED and "other-one" in extras["extra [replay]"].found
    assert extras["extra [bench]"].state == diagnosis.GOOD


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "cannot be written" in diagnosis._space(tmp_path).found


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_knows_every_command_and_action(shell, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("replay", "doctor", "freeze", "--check-determinism", "convert"):
        assert word in script


def test_every_compiled_module_is_looked_at(monkeypatch):
    names = diagnosis.kernel_names()
    assert len(names) >= 20 and {"autonomy.playback._feed", "autonomy.faults._rewrite", "drivers.can._router"} <= set(names)
    real = diagnosis.import_module

    def one_is_stale(name):
        if name == "autonomy.faults._rewrite":
            raise ImportError("compiled for other message layouts")
        return real(name)

    monkeypatch.setattr(diagnosis, "import_module", one_is_stale)
    found = diagnosis._kernels()
    assert found.state == diagnosis.FAILED and found.found.startswith("autonomy.faults._rewrite: compiled for other")


@pytest.mark.parametrize(
    "version, condition, met",
    [
        ("2.4.1", ">=2.0", True), ("1.26", ">=2.0", False), ("3.0", ">=2,<3", False), ("2.10", ">=2.9,<3", True),
        ("2.4", "", True), ("2.4.0", "==2.4", True), ("1.5", "!=1.5", False), ("2.5", "~=2.4", True), ("3.0", "~=2.4", False),
    ],
)  # fmt: skip
def test_versions_are_held_against_their_conditions(monkeypatch, version, condition, met):
    assert diagnosis.fits(version, condition) is met
    assert all(diagnosis._fits_plainly(version, part) for part in condition.split(",") if part) is met


def test_a_package_that_is_too_old_is_told(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda name: ["numpy>=99.0", "scipy>=99; extra == 'bench'"])
    found = diagnosis._packages()[0]
    assert found.state == diagnosis.FAILED and "needs >=99.0" in found.found and found.remedy == "pip install 'numpy>=99.0'"
    assert "needs >=99" in diagnosis._extras()[0].found
