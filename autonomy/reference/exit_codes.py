"""The page of exit codes, from the errors that carry them and the list that `autonomy --help` ends with."""

from __future__ import annotations

import re

from autonomy import errors
from autonomy.cli.main import CLOSED_PIPE, EPILOG, INTERRUPTED
from autonomy.reference.markdown import table


def page() -> str:
    meanings = {int(code): text.strip() for code, text in re.findall(r"(\d+) ([^,]+)", EPILOG.partition(":")[2])}
    raised: dict[int, list[type[errors.AutonomyError]]] = {}
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, errors.AutonomyError) and value is not errors.AutonomyError:
            raised.setdefault(value.exit_code, []).append(value)
    rows = [
        (str(code), text, "; ".join(f"`{error.__name__}`: {_first_line(error)}" for error in raised.get(code, ())))
        for code, text in meanings.items()
    ]
    rows.append((str(INTERRUPTED), "interrupted by Ctrl-C", ""))
    rows.append((str(CLOSED_PIPE), "who read the output stopped listening (`head`): the verdict was not told", ""))
    header = ("code", "meaning", "in Python, `autonomy.errors`")
    return f"# Exit codes\n\nThe same for every command.\n\n{table(header, rows)}\n{_NOTES}"


def _first_line(error: type) -> str:
    text = (error.__doc__ or "").strip().splitlines()[0].rstrip(".")
    return text[0].lower() + text[1:]


_NOTES = """\
An error of the table is one sentence on stderr; in Python it is the text of the exception, and `exit_code` is its code. Code 70
comes with a traceback: [report it](../how-to/report-a-bug.md). A log that ended early is processed to its last good record first,
then the command ends with 3. Where several codes apply to a run of many logs, see [corpus](../corpus.md#exit-codes).
"""
