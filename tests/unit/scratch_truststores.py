# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with programs that are told the path of a truststore file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores import work
from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores.messages import Truststore, packed
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ScratchHost

PASSWORD = "kept from others"
ENDINGS = {"pem": "pem", "pkcs12": "p12", "jks": "jks"}


class ScratchTruststores(ScratchHost):
    """A host with a truststore file of this format, or the folder for one: there is a file where it is to hold
    ``others``."""

    kinds = ("files",)

    def __init__(self, root: Path, form: str, others: Sequence[Anchor] = (), **wishes: str) -> None:
        super().__init__(root)
        password = "" if form == "pem" else PASSWORD
        wishes = {"password": password, **wishes}
        self.file = root / f"etc/app/truststore.{ENDINGS[form]}"
        self.file.parent.mkdir(parents=True)
        self.want(Truststore(f"/etc/app/{self.file.name}", form, **wishes))
        if others:
            certificates = [(other.name, other.der) for other in others]
            work.add(str(self.file), self.wanted, certificates, [work.UNCHANGED] * 3)

    def want(self, wanted: Truststore) -> None:
        """Have runs ask for another one."""
        self.wanted = wanted
        self.settings = replace(self.settings, truststores=packed([wanted]))

    def held(self) -> list[tuple[str, bytes]]:
        """The aliases and certificates in the file, of which the seal differs each time that it is written."""
        if not self.file.exists():
            return []
        parts = work.format_of(self.wanted).read(self.file.read_bytes())
        return [(part.alias, part.der) for part in parts if part.der]
