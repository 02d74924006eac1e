"""Writes the reference pages into the folder that is named."""

from __future__ import annotations

import sys
from pathlib import Path

from autonomy.reference import RENEW, pages

if len(sys.argv) != 2:
    sys.exit(f"usage: {RENEW}")
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name, text in pages().items():
    (folder / name).write_text(text, encoding="utf-8")
