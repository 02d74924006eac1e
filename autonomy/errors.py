"""What can go wrong for a user. The text of each error is one sentence that names the file, the field and the remedy.

The command line prints that sentence and ends with the error's exit code.
"""

from __future__ import annotations


class AutonomyError(Exception):
    """Base of every error a user can cause or mend."""

    exit_code = 70


class UsageError(AutonomyError):
    """A wrong command line or configuration."""

    exit_code = 2


class BadInputError(AutonomyError):
    """A log, map or data file that cannot be used as it is."""

    exit_code = 3


class LogError(BadInputError):
    """A log that cannot be read or written as asked."""


class EnvironmentFault(AutonomyError):
    """The machine lacks something: a package, a permission, disk space."""

    exit_code = 4


class Inconclusive(AutonomyError):
    """The run ended without a verdict, for timing or synchronisation not met."""

    exit_code = 5
