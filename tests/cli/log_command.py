"""`autonomy log` within a test."""

from __future__ import annotations

from autonomy.cli.main import main


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of `autonomy log ARGUMENTS`."""
    code = main(["log", *map(str, arguments)])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return code, printed.out, printed.err
