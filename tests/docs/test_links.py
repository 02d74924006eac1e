"""Every link to a file or heading leads somewhere, and every page is in the list of pages."""

from __future__ import annotations

import pytest

from tests.docs.pages import DOCS, anchors, links, pages, title


@pytest.mark.parametrize("page", pages(), ids=title)
def test_relative_links_resolve(page):
    for link in links(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name} links to {link}, which is not there"
        if anchor:
            assert anchor in anchors(target), f"{page.name} links to {link}; headings there: {sorted(anchors(target))}"


def test_the_index_lists_every_page():
    listed = {link.partition("#")[0] for link in links(DOCS / "index.md")}
    assert {title(page) for page in DOCS.rglob("*.md")} - {"index.md"} <= listed
