"""A parser that lets a command's list of words stand before, between and behind its options: `convert SRC --map M OUT`."""

from __future__ import annotations

import argparse


class InterspersedParser(argparse.ArgumentParser):
    """argparse takes a list of words at one place only; the words left over join it, in their order."""

    def parse_known_args(self, args=None, namespace=None):
        parsed, rest = super().parse_known_args(args, namespace)
        lists = [action.dest for action in self._actions if not action.option_strings and action.nargs in ("+", "*")]
        if lists and "--" not in rest:
            getattr(parsed, lists[0]).extend(word for word in rest if not word.startswith("-"))
            rest = [word for word in rest if word.startswith("-")]
        return parsed, rest
