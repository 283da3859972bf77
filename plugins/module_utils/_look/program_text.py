# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of a program for a Python of its own, which reads it from its standard input, and the answer to it."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._look.bootstrap import BEGIN, END


class NoAnswerError(Exception):
    """A program did not answer as it should; says how."""


def program_text(start: str, entry: str, sources: Mapping[str, str]) -> str:
    """The program up to the arguments of its call of C(run): ``start`` is the source of ``bootstrap``, ``entry`` the
    name of one of the modules whose sources it has by their full names."""
    packed = base64.b64encode(zlib.compress(json.dumps(sources).encode())).decode()
    return f"{start}\n\nrun({entry!r}, {packed!r}, "


def read_answer(output: str) -> Any:
    """The answer in what a program wrote to its output. Raises NoAnswerError."""
    _before, begin, rest = output.partition(f"\n{BEGIN}\n")
    answer, end, _after = rest.partition(f"\n{END}\n")
    if not (begin and end):
        raise NoAnswerError("it did not reach its end")
    try:
        return json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise NoAnswerError("its answer is not JSON") from error
