"""What is wrong with the options of a corpus run, found before its first log: said once, not once a log."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from autonomy.corpus.case import Case
from autonomy.errors import BadInputError, UsageError

MOST_LOGS = 5  # opened to find one that tells which vehicle it is of
KEYS = {"mode": "from", "path_file": "lane_path", "overrides": "[set]"}  # of a scenario, where they are not the option's own name
FLAGS = {"mode": "--from", "path_file": "--lane-path", "overrides": "--set"}


def check_options(cases: list[Case]) -> None:
    """Raises UsageError, naming scenario file and key, for what no log could run with; StaleBuildError for an old kernel.

    What depends on the single log (an outage behind its end) is left to that log's row.
    """
    import autonomy.playback.replay  # noqa: F401 - loads every kernel that a run needs

    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(json.dumps([case.options, case.scenario], sort_keys=True, default=str), []).append(case)
    for same in groups.values():
        _check(same)


def _check(cases: list[Case]) -> None:
    from autonomy.faults import timeline
    from autonomy.inputs import lane_path
    from autonomy.playback import outages
    from autonomy.playback.source import MODES

    case = cases[0]
    checks: dict[str, Callable[[Any], Any]] = {
        "mode": lambda value: _one_of(value, MODES),
        "outages": outages.read,
        "faults": timeline.load,
        "path_file": lambda value: lane_path.from_csv(value, (0.0, 0.0, 0.0)),
    }
    for option, check in checks.items():
        if option in case.options:
            _told(case, option, lambda check=check, option=option: check(case.options[option]))
    _configuration(cases)


def _configuration(cases: list[Case]) -> None:
    """The configuration with its overrides: the one given, else that of the first log that can tell its own."""
    from autonomy import config
    from autonomy.parameters import load_parameters

    case = cases[0]
    overrides = case.options.get("overrides")
    if (named := case.options.get("config")) is not None:
        _told(case, "config", lambda: load_parameters(config.load(named)))
        _told(case, "overrides", lambda: load_parameters(config.load(named, overrides)))
        return
    if not overrides:
        return
    for other in cases[:MOST_LOGS]:
        try:
            load = _loader(other)
            load(None)
        except (BadInputError, UsageError):
            continue  # of this log alone: its row will say so
        _told(case, "overrides", lambda load=load: load(overrides))
        return


def _loader(case: Case) -> Callable[[dict[str, Any] | None], Any]:
    """Reads the configuration that the case's log names or carries, with overrides. Raises BadInputError."""
    from autonomy.log.opening import open_recording
    from autonomy.playback.source import load_configuration

    def load(overrides: dict[str, Any] | None) -> Any:
        with open_recording(case.log) as reader:
            return load_configuration(reader, None, overrides)

    return load


def _told(case: Case, option: str, check: Callable[[], Any]) -> None:
    try:
        check()
    except (UsageError, BadInputError) as error:
        text = str(error)
        if case.scenario and option in case.of_scenario:
            raise UsageError(f"{case.scenario}: {KEYS.get(option, option)}: {text}") from None
        flag = FLAGS.get(option, f"--{option}")
        raise UsageError(text if text.startswith(flag) else f"{flag}: {text}") from None


def _one_of(value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"'{value}' is not known; choose one of {', '.join(known)}")
