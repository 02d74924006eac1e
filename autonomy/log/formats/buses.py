"""Numbers for the interfaces of a recording that names them: can1 is bus 1, a name without a number the next free one."""

from __future__ import annotations

import re

from autonomy.errors import LogError

MOST_BUSES = 128  # buses from 128 on are what the recording device itself sent


class BusNames:
    """Interfaces by name, in the order they were met."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, name: str) -> int:
        """The bus of an interface. Raises LogError beyond 128 of them."""
        if name not in self._numbers:
            ending = re.search(r"\d{1,3}$", name)
            wanted = int(ending[0]) if ending else 0
            taken = set(self._numbers.values())
            free = next((number for number in range(MOST_BUSES) if number not in taken), None)
            if free is None:
                raise LogError(f"the recording has more than {MOST_BUSES} interfaces; '{name}' finds no bus number")
            self._numbers[name] = wanted if wanted < MOST_BUSES and wanted not in taken else free
        return self._numbers[name]

    def told(self) -> str:
        """For the metadata: '0=can0 1=can1'."""
        return " ".join(f"{number}={name}" for name, number in sorted(self._numbers.items(), key=lambda item: item[1]))
