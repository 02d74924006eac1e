"""Programs of a rig: word by word, and what they said is the error when they fail."""

from __future__ import annotations

import os

import pytest

from autonomy.errors import BadInputError, EnvironmentFault, UsageError
from hil.rig.child import Child


@pytest.fixture
def child():
    made: list[Child] = []

    def start(program: str) -> Child:
        made.append(Child("-c", program))
        return made[-1]

    yield start
    for process in made:
        process.end()


def test_it_answers_word_by_word_and_gives_its_account_at_the_end(child):
    process = child("import sys; print('ready', flush=True); sys.stdin.readline(); print('driven', flush=True); "
                    "sys.stdin.read(); print('{}')")  # fmt: skip
    process.expect("ready")
    process.say("go")
    process.expect("driven")
    assert process.rest() == "{}\n"


def test_what_it_says_beside_is_told_up_to_the_line_that_is_waited_for(child):
    told: list[str] = []
    child("import sys; sys.stderr.write('one\\ntwo\\nrun: active\\nmore\\n')").hear("run: active", told.append)
    assert told == ["one", "two", "run: active"]


@pytest.mark.parametrize(("code", "kind"), [(2, UsageError), (3, BadInputError), (4, EnvironmentFault), (1, EnvironmentFault)])
def test_a_failure_is_its_sentence_and_of_its_kind(child, code, kind):
    process = child(f"import sys; print('autonomy: no such vehicle', file=sys.stderr); sys.exit({code})")
    with pytest.raises(kind, match="^no such vehicle$"):
        process.expect("ready")
    with pytest.raises(kind, match="^no such vehicle$"):
        process.hear("run: active", lambda line: None)
    with pytest.raises(kind, match="^no such vehicle$"):
        process.rest()


def test_one_that_says_nothing_is_told_by_its_exit_code(child):
    process = child("import sys; sys.exit(9)")
    with pytest.raises(EnvironmentFault, match="ended with exit code 9 and said nothing"):
        process.expect("ready")
    process.say("go")  # nobody is there: the next answer tells it


def test_the_terminals_interrupt_does_not_reach_it(child):
    process = child("import sys; print('ready', flush=True); sys.stdin.read(); print('end')")
    process.expect("ready")
    assert os.getpgid(process.pid) != os.getpgrp()


def test_a_word_asks_it_to_end(child):
    process = child("import signal, sys; signal.signal(signal.SIGTERM, lambda *_: (print('ended', flush=True), sys.exit(0))); "
                    "print('ready', flush=True); signal.pause()")  # fmt: skip
    process.expect("ready")
    process.ask_to_end()
    process.expect("ended")


def test_an_error_is_told_once_and_what_was_said_before_apart(child):
    told: list[str] = []
    process = child("import sys; sys.stderr.write('run: old pieces\\nautonomy: not armed\\n'); sys.exit(4)")
    with pytest.raises(EnvironmentFault, match="^not armed$"):
        process.hear("run: active", told.append)
    assert told == ["run: old pieces"]


def test_one_that_waits_for_a_word_ends_when_nobody_is_there(child):
    """It takes SIGTERM for the end of a drive that never began, and goes on to wait for the word that would begin it."""
    process = child("import signal, sys; signal.signal(signal.SIGTERM, lambda *_: None); print('ready', flush=True); "
                    "sys.stdin.readline()")  # fmt: skip
    process.expect("ready")
    process.end()
    assert process.exit_code is not None
