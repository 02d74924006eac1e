"""What can go wrong for a user: each kind with the exit code the command line documents."""

from __future__ import annotations

PASS, FAIL, USAGE, BAD_INPUT, ENVIRONMENT, INCONCLUSIVE, INTERNAL = 0, 1, 2, 3, 4, 5, 70


class AutonomyError(Exception):
    """One sentence that names the file, field and value, and what to do."""

    exit_code = INTERNAL


class UsageError(AutonomyError):
    """A wrong command, option or configuration."""

    exit_code = USAGE


class BadInputError(AutonomyError):
    """A log, map or recording that cannot be used as it is."""

    exit_code = BAD_INPUT


class LogError(BadInputError):
    """A log that cannot be read or written as asked."""


class EnvironmentFault(AutonomyError):
    """The machine lacks something: a module, a privilege, a device."""

    exit_code = ENVIRONMENT


class MissingPackage(EnvironmentFault):
    """A package that one of our extras brings is not installed. `what` needs it: "reading x.bag"."""

    def __init__(self, what: str, package: str, extra: str, otherwise: str = "") -> None:
        super().__init__(f"{what} needs {package}; install it with: pip install 'autonomy[{extra}]'{otherwise}")


class Inconclusive(AutonomyError):
    """Timing or synchronisation was not good enough for a verdict."""

    exit_code = INCONCLUSIVE


class StaleBuildError(ImportError):
    """A compiled module that is older than its source or of another layout."""
