"""Which keywords does keepalived know? The list (2.4.3's, with 2.2.7's older names), by block."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources


@functools.cache
def known_keywords() -> Mapping[str, frozenset[str]]:
    """All keywords of keepalived, by block path (`virtual_server/real_server/HTTP_GET`; empty: the top level)."""
    found: dict[str, set[str]] = {}
    for line in resources.files("cli.keepalived_conf").joinpath("keywords.tsv").read_text().splitlines():
        block, _, keyword = line.partition("\t")
        found.setdefault(block, set()).add(keyword)
    return {block: frozenset(words) for block, words in found.items()}
