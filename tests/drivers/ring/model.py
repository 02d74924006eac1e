"""A small model of the ring for exhaustive checking: every order in which a weakly ordered machine may carry out its steps.

Each side is the list of its memory operations, unrolled for a few messages of two words each. An operation may happen as
soon as those it must follow have happened: everything before a release, the acquire before everything behind it, the same
word in program order, and what it needs the value of. Nothing else is ordered: stores may become visible, and loads be
done, in any other order. `explore` visits all states reachable and returns the messages that any run delivered wrongly.

`weakened` names one ordering to leave out, to see that the check notices: each is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

ORDERINGS = ("producer acquires head", "producer releases tail", "consumer acquires tail", "consumer releases head")
WORDS = 2
UNREAD = -1


class Operation(NamedTuple):
    kind: str  # load_head, write, store_tail; load_tail, read, store_head
    message: int
    word: int
    after: frozenset[int]  # operations of the same side that come first


@dataclass(frozen=True)
class State:
    done: tuple[frozenset[int], frozenset[int]]
    head: int
    tail: int
    slots: tuple[tuple[int, ...], ...]
    got: tuple[tuple[int, ...], ...]  # words read by message


def producer(messages: int, weakened: str | None) -> list[Operation]:
    return _side(messages, ("load_head", "write", "store_tail"), weakened != "producer acquires head",
                 weakened != "producer releases tail")  # fmt: skip


def consumer(messages: int, weakened: str | None) -> list[Operation]:
    return _side(messages, ("load_tail", "read", "store_head"), weakened != "consumer acquires tail",
                 weakened != "consumer releases head")  # fmt: skip


def _side(messages: int, kinds: tuple[str, str, str], acquires: bool, releases: bool) -> list[Operation]:
    """For every message: load the other side's index, touch the slot's words, store the own index."""
    load_kind, word_kind, store_kind = kinds
    operations: list[Operation] = []
    previous_load = previous_store = None
    for message in range(messages):
        load = len(operations)
        operations.append(Operation(load_kind, message, 0, _set(previous_load)))
        # The slot may be touched early where the load of the other index does not hold it back
        acquired = _set(load) if acquires else frozenset()
        words = frozenset(range(load + 1, load + 1 + WORDS))
        operations += [Operation(word_kind, message, word, acquired) for word in range(WORDS)]
        before = (words if releases else frozenset()) | _set(load) | _set(previous_store)
        previous_store = len(operations)
        operations.append(Operation(store_kind, message, 0, before))
        previous_load = load
    return operations


def explore(capacity: int, messages: int, weakened: str | None = None) -> tuple[int, set[tuple[tuple[int, ...], ...]], bool]:
    """(states visited, deliveries that were not 0, 1, 2, ..., whether every run can come to its end)."""
    sides = producer(messages, weakened), consumer(messages, weakened)
    unread = tuple((UNREAD,) * WORDS for _ in range(messages))
    start = State((frozenset(), frozenset()), 0, 0, tuple((UNREAD,) * WORDS for _ in range(capacity)), unread)
    right = tuple((message,) * WORDS for message in range(messages))
    waiting, seen, wrong, always_on = [start], {start}, set(), True
    while waiting:
        state = waiting.pop()
        following = [
            _carry_out(state, side, number, operation, capacity)
            for side in (0, 1)
            for number, operation in enumerate(sides[side])
            if number not in state.done[side] and operation.after <= state.done[side] and _may(state, operation, capacity)
        ]
        if not following:
            finished = all(len(state.done[side]) == len(sides[side]) for side in (0, 1))
            always_on = always_on and finished
            if finished and state.got != right:
                wrong.add(state.got)
        for state_after in following:
            if state_after not in seen:
                seen.add(state_after)
                waiting.append(state_after)
    return len(seen), wrong, always_on


def _may(state: State, operation: Operation, capacity: int) -> bool:
    """A load that finds the ring full or empty is repeated: it changes nothing, so it is as if it had not been."""
    if operation.kind == "load_head":
        return operation.message - state.head < capacity
    if operation.kind == "load_tail":
        return state.tail > operation.message
    return True


def _carry_out(state: State, side: int, number: int, operation: Operation, capacity: int) -> State:
    done = list(state.done)
    done[side] = done[side] | {number}
    head, tail, slots, got = state.head, state.tail, state.slots, state.got
    place = operation.message % capacity
    if operation.kind == "write":
        slots = _with(slots, place, operation.word, operation.message)
    elif operation.kind == "read":
        got = _with(got, operation.message, operation.word, slots[place][operation.word])
    elif operation.kind == "store_tail":
        tail = operation.message + 1
    elif operation.kind == "store_head":
        head = operation.message + 1
    return State((done[0], done[1]), head, tail, slots, got)


def _with(table: tuple[tuple[int, ...], ...], row: int, column: int, value: int) -> tuple[tuple[int, ...], ...]:
    changed = list(table[row])
    changed[column] = value
    return (*table[:row], tuple(changed), *table[row + 1 :])


def _set(number: int | None) -> frozenset[int]:
    return frozenset() if number is None else frozenset({number})
