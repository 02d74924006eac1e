"""The table of topics in the documentation is the one that topics.toml gives."""

from __future__ import annotations

import pytest

from autonomy.msg import table
from tests.docs.pages import DOCS


def test_the_table_of_topics_is_up_to_date():
    page = (DOCS / "messages.md").read_text(encoding="utf-8")
    assert page == table.renewed(page), "run: python -m autonomy.msg.table docs/messages.md"


def test_sizes_tell_the_bytes_in_a_log():
    from autonomy import msg

    rows = {row.split(" | ")[0].strip("| `"): row.split(" | ")[2] for row in table.markdown().splitlines()[2:]}
    assert int(rows["/cut"]) == msg.dtype("Cut").itemsize
    head, element, most = (int(word) for word in rows["/in/imu"].replace("n, n <=", "").replace("+", "").split())
    assert head + element * most == msg.dtype("ImuInput").itemsize


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="topics: begin"):
        table.renewed("no marks")
