# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of leaves that no run deploys, in a folder on the controller from which a person takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import read_regular_file
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import CERTIFICATE, CHAIN, FULL_CHAIN
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    fingerprint,
    to_pem,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.public_files import (
    LARGEST_FILE,
    PublicFile,
    absolute_path,
    check_is_folder,
    nearest,
)


@dataclass(frozen=True)
class LeafFolder:
    """Where the public files of a leaf are to be, by the names that they have on hosts."""

    files: Mapping[str, PublicFile]

    @property
    def paths(self) -> list[str]:
        """Where they are."""
        return [str(file.path) for file in self.files.values()]

    def missing(self, contents: Mapping[str, str]) -> list[str]:
        """The paths of those that have not these contents. Raises PkiError."""
        return [str(file.path) for name, file in self.files.items() if not file.holds(contents[name].encode())]

    def write(self, contents: Mapping[str, str]) -> None:
        """Put these contents there, each by one rename, and make the folder where there is none. Raises PkiError."""
        for folder in {file.path.parent for file in self.files.values()}:
            try:
                folder.mkdir(0o755, parents=True, exist_ok=True)
            except OSError as error:
                raise PkiError(f"destination: {folder} cannot be made: {error.strerror}.") from error
        for name, file in self.files.items():
            file.write(contents[name].encode())

    def certificate(self) -> x509.Certificate | None:
        """The leaf that is there; whatever else is, is none."""
        if CERTIFICATE not in self.files:
            return None
        try:
            return x509.load_pem_x509_certificate(read_regular_file(self.files[CERTIFICATE].path, LARGEST_FILE))
        except (OSError, ValueError, x509.InvalidVersion):
            return None

    def check_place(self, place: LeafPlace, ledger: Ledger) -> None:
        """Raise PkiError where the files could not be written for the leaf of ``place``, or are those of another one:
        two that shared a folder would take turns."""
        for file in self.files.values():
            file.check()
        found = self.certificate()
        known = ledger.revocations.known(fingerprint(found)) if found else None
        if known is not None and known.kind == "leaf" and known.place.name and known.place != place:
            raise PkiError(
                f"destination: {self.files[CERTIFICATE].path} is that of the leaf {known.place.path!r}. Name a folder "
                "for each certificate."
            )


def leaf_folder(path: str | None) -> LeafFolder:
    """The folder that the option ``destination`` names, be it still to be made; None is none, and has no files. Raises
    PkiError for one that cannot be."""
    if path is None:
        return LeafFolder({})
    folder = absolute_path("destination", path)
    check_is_folder("destination", nearest(folder))
    return LeafFolder({name: PublicFile("destination", folder / name) for name in (CERTIFICATE, CHAIN, FULL_CHAIN)})


def check_apart(path: str | None, authority: Authority) -> None:
    """Raise PkiError where the option ``destination`` names a folder of the authority's own."""
    if path is not None and Path(path).resolve().is_relative_to(authority.folder.resolve()):
        raise PkiError(
            f"destination: {path} is in the authority's folder {authority.folder}, which has its keys. Name a folder "
            "from which people may take files."
        )


def chain_of(leaf: x509.Certificate, authority: Authority) -> tuple[x509.Certificate, ...]:
    """What a leaf is sent with whose issuer is in the authority's folder. No two issuers share a name."""
    issuer = next(each for each in authority.issuers if each.certificate.subject == leaf.issuer)
    return authority.chain(issuer, leaf)


def leaf_contents(leaf: x509.Certificate, chain: Sequence[x509.Certificate]) -> dict[str, str]:
    """The public files of a leaf, by their names: it, what it is sent with, and both."""
    certificate, others = to_pem(leaf), "".join(map(to_pem, chain))
    return {CERTIFICATE: certificate, CHAIN: others, FULL_CHAIN: certificate + others}
