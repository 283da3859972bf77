# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What servers read of a staple whose certificate is not ours. Those that have no row fetch one by themselves."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import (
    WRITTEN,
    Named,
    PointerFile,
    nginx_stapling,
)

HEADER = f"{WRITTEN}ocsp_staple)."


class StapleServer(NamedTuple):
    """The ``pointer_files`` in the staple's folder, which are named as those of leaves; ``beside_certificate`` is what
    follows the path of the certificate where the server looks for its staple there."""

    pointer_files: tuple[PointerFile, ...] = ()
    beside_certificate: str = ""


def _nginx(named: Named) -> str:
    """Without a staple it says nothing: nginx needs the file that it includes."""
    header = f"{HEADER} Include it in the server block of the certificate; do not edit it."
    return "\n".join([header, *nginx_stapling(named)]) + "\n"


# The choices of the option ``server``.
STAPLE_SERVERS: Mapping[str, StapleServer] = {
    "none": StapleServer(),
    "nginx": StapleServer(pointer_files=(PointerFile("nginx.conf", _nginx),)),
    "haproxy": StapleServer(beside_certificate=".ocsp"),
}
