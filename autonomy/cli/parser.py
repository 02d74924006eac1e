"""The parser of all commands: words before, between and behind the options, and a mistake told in one sentence."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from autonomy.errors import USAGE


class Parser(argparse.ArgumentParser):
    """Subparsers are of this class too."""

    def parse_known_args(self, args=None, namespace=None):
        """argparse takes a list of words at one place only; the words left over join it, in their order."""
        parsed, rest = super().parse_known_args(args, namespace)
        lists = [action.dest for action in self._actions if not action.option_strings and action.nargs in ("+", "*")]
        if lists and "--" not in rest:
            getattr(parsed, lists[0]).extend(word for word in rest if not word.startswith("-"))
            rest = [word for word in rest if word.startswith("-")]
        return parsed, rest

    def error(self, message: str) -> NoReturn:
        """Exit code 2."""
        takers = [action.option_strings[-1] for action in self._actions if action.option_strings and action.nargs in ("+", "*")]
        if message.startswith("the following arguments are required") and takers:
            message += f" ({' and '.join(takers)} take all words that follow: put the file before)"
        print(f"{self.prog}: {message}; '{self.prog} --help' shows how", file=sys.stderr)
        raise SystemExit(USAGE)
