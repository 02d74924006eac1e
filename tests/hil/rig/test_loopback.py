"""The rig's own latency: what was lost or overtaken is told, and each link carries what it should."""

from __future__ import annotations

import pytest

from autonomy.cli.main import main
from autonomy.errors import FAIL, PASS, USAGE
from hil.rig import loopback as measuring
from hil.rig.loopback import CanLink, LoopbackOptions, PtyLink, UdpLink, lines, loopback, measure


class Fake:
    """Delivers after a known time, loses some numbers and turns others round."""

    name = "fake"

    def __init__(self, lose=(), swap=()):
        self.now_ns, self.lose, self.swap = 0, set(lose), set(swap)
        self.waiting: list[int] = []

    def send(self, number: int) -> None:
        if number not in self.lose:
            self.waiting.insert(0 if number in self.swap else len(self.waiting), number)

    def receive(self, timeout_s: float) -> list[int]:
        found, self.waiting = self.waiting[:1], self.waiting[1:]
        return found

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(measuring, "PATIENCE_S", 0.05)


def test_what_is_lost_is_told():
    found = measure(Fake(lose=[3, 7]), 10, 0.0)
    assert (found["sent"], found["received"]) == (10, 8) and sum(found["histogram_us"]) == 8


@pytest.mark.parametrize("make", [UdpLink, PtyLink, lambda: CanLink("process", ["a"]), lambda: CanLink("virtual", ["loop"])])
def test_every_link_carries_all_in_order(make):
    link = make()
    found = measure(link, 200, 0.0)
    link.close()
    assert (found["received"], found["out_of_order"]) == (200, 0) and 0 < found["latency_us"]["p50"] <= found["latency_us"][
        "max"
    ] + 1


def test_the_verdict_follows_what_arrived(monkeypatch):
    monkeypatch.setattr(measuring, "UdpLink", lambda: Fake(lose=[1]))
    found = loopback(LoopbackOptions(None, [], udp=True, count=5, period_s=0.0))
    assert found["exit_code"] == FAIL and found["reasons"] == ["fake: 1 of 5 lost"]
    found = loopback(LoopbackOptions("process", ["b"], count=5, period_s=0.0))
    assert found["exit_code"] == PASS and "process b" in "\n".join(lines(found))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "over what?"),
        (["-c", "a"], "give -i INTERFACE"),
        (["-i", "pcan", "-c", "PCAN_USBBUS1"], "give --arm"),
        (["-n", "0"], "--count 0"),
    ],
)
def test_a_mistake_is_one_sentence(capsys, words, said):
    assert main(["hil", "loopback", *words]) == USAGE
    assert said in capsys.readouterr().err
