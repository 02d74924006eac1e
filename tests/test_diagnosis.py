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
    assert diagnosis._packages()[0].remedy == "pip install nosuch>=3"
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
