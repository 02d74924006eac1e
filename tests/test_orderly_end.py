"""A program told to end does so in order, and the handlers that were there come back."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from autonomy.orderly_end import orderly_end

KNOWN = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, ["stop"]), (signal.SIGTERM, ["stop"]), (signal.SIGUSR1, ["mark"])]
)
def test_a_signal_is_a_call_while_it_lasts(number, expected):
    before = [signal.getsignal(each) for each in KNOWN]
    called = []
    with orderly_end(lambda: called.append("stop"), lambda: called.append("mark")):
        os.kill(os.getpid(), number)
    assert called == expected
    assert [signal.getsignal(each) for each in KNOWN] == before


def test_the_handlers_come_back_after_an_error():
    before = [signal.getsignal(each) for each in KNOWN]
    with pytest.raises(OSError, match="bus"), orderly_end(lambda: None):
        assert signal.getsignal(signal.SIGUSR1) == before[2]  # no event is wanted: not ours
        raise OSError("bus")
    assert [signal.getsignal(each) for each in KNOWN] == before


def test_outside_the_main_thread_nothing_changes():
    before = [signal.getsignal(each) for each in KNOWN]
    seen = []

    def within() -> None:
        with orderly_end(lambda: None):
            seen.extend(signal.getsignal(each) for each in KNOWN)

    thread = threading.Thread(target=within)
    thread.start()
    thread.join()
    assert seen == before
