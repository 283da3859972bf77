# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers that leaves can be deployed for, one row each: what they read, and what has to be true of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import FULL_CHAIN, PRIVATE_KEY, STAPLE

# How every pointer file begins.
HEADER = "# Written by Ansible (anchorage.pki.leaf_certificate)."


@dataclass(frozen=True)
class PointerFile:
    """A file in the leaf's folder that a server's configuration includes.

    ``render`` makes its content of the paths of the generation's folder and of the staple in it ("" for none).
    """

    name: str
    render: Callable[[str, str], str]


@dataclass(frozen=True)
class Server:
    """What sets one kind of server apart.

    ``staple_file`` is the file of a generation from which it takes its staple, "" where it takes none;
    ``serves_past_end`` is whether it goes on to serve a staple that has ended, so that this has to be withdrawn;
    ``unquotable`` finds what a path in its configuration cannot hold. ``test`` and ``reload`` are its usual commands;
    a task still has to name those that it wants to be run.
    """

    pointer_files: tuple[PointerFile, ...] = ()
    staple_file: str = ""
    serves_past_end: bool = False
    # Quotation mark, backslash, dollar sign, control characters. Without a server too, as one may be chosen later.
    unquotable: re.Pattern[str] = re.compile(r"[\x00-\x1f\x7f\"\\$]")
    test: tuple[str, ...] = ()
    reload: tuple[str, ...] = ()


def _nginx(generation: str, staple: str) -> str:
    """The directives of ngx_http_ssl_module; nginx reads ssl_stapling_file as DER."""
    lines = [
        f"{HEADER} Include it in a server block; do not edit it.",
        f'ssl_certificate "{generation}/{FULL_CHAIN}";',
        f'ssl_certificate_key "{generation}/{PRIVATE_KEY}";',
    ]
    if staple:
        lines += ["ssl_stapling on;", f'ssl_stapling_file "{staple}";']
    return "\n".join(lines) + "\n"


# The choices of the option ``server``.
SERVERS: Mapping[str, Server] = {
    "none": Server(serves_past_end=True),  # whatever reads the files may do so
    "nginx": Server(
        pointer_files=(PointerFile("nginx.conf", _nginx),),
        staple_file=STAPLE,
        serves_past_end=True,
        test=("nginx", "-t"),
        reload=("nginx", "-s", "reload"),
    ),
}
