# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A strict reader of the text format of Prometheus, as far as metrics with whole numbers need it."""

from __future__ import annotations

import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (-?[0-9]+)")
_ESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

#: The labels by their names, sorted.
Labels = tuple[tuple[str, str], ...]


def read_metrics(text: str) -> dict[str, dict[Labels, int]]:
    """The values by metric and labels. Each metric has help, then its type, then samples, each once."""
    assert text.endswith("\n")
    metrics: dict[str, dict[Labels, int]] = {}
    lines = iter(text[:-1].split("\n"))
    name = ""
    for line in lines:
        if line.startswith("#"):
            described = re.fullmatch(rf"# HELP ({_NAME}) \S.*", line)
            assert described, line
            name = described.group(1)
            assert next(lines) == f"# TYPE {name} gauge"
            assert name not in metrics
            metrics[name] = {}
            continue
        sample = _SAMPLE.fullmatch(line)
        assert sample, line
        assert sample.group(1) == name
        labels = tuple(sorted((label, _unescape(value)) for label, value in re.findall(_LABEL, sample.group(2) or "")))
        assert len(dict(labels)) == len(labels)
        assert labels not in metrics[name]
        metrics[name][labels] = int(sample.groups()[-1])
    assert all(metrics.values()), "a metric without samples"
    return metrics


def _unescape(value: str) -> str:
    return re.sub(r"\\.", lambda found: _ESCAPED[found.group()], value)
