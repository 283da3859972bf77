# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a leaf stands: which generation is deployed, when its staple ends, and whether that was withdrawn."""

from __future__ import annotations

import time

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import (
    Attributes,
    opened_folder,
    opened_subfolder,
    read_file,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import CERTIFICATE, STAPLE
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import (
    deployed_generation,
    named_folders,
    read_pointing,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.withdrawn import Mark, read_mark
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.recipes import Recipe
from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_file import (
    CertificateFileError,
    read_certificates,
)
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import from_pem
from ansible_collections.anchorage.pki.plugins.module_utils._x509.staple import read_staple

# Clients accept a staple until its end by their own clocks, which may be as much ahead.
MARGIN = 300
# Seconds after which a certificate that could not be read is looked at again: somebody may have been writing it.
_SECOND_LOOK = 0.2
# The object identifier of the extension for must-staple (RFC 7633) in DER. Nothing else in a leaf has these bytes.
_TLS_FEATURE = bytes.fromhex("06082b06010505070118")
#: What a recipe or a leaf that cannot be read, or a command that fails, raises; DerError is a ValueError.
ERRORS = (HostError, OSError, ValueError)


class Standing(NamedTuple):
    """How a leaf stands: the deployed generation (0 for none), the end of its staple in seconds since 1970-01-01 UTC
    (None for no staple), and the mark of its withdrawal. Of a certificate that is not ours, whether the host has
    another one by now; it ``is_torn`` where a run that was killed left a pointer to a staple for yet another one."""

    generation: int
    end: int | None
    mark: Mark | None
    is_replaced: bool = False
    is_torn: bool = False

    @property
    def due(self) -> int | None:
        """From when the staple has to be withdrawn, None where there is nothing to withdraw."""
        if self.is_torn:
            return 0
        if self.end is None or (self.mark and self.mark.settled):
            return None
        return 0 if self.mark or self.is_replaced else self.end - MARGIN


def place_of(recipe: Recipe) -> Destination:
    """Where the recipe's leaf is. Its files' owners and modes are no concern of a withdrawal."""
    public, private = Attributes(0o644), Attributes(0o600)
    return Destination(recipe.destination, recipe.server, public, private, staples_only=bool(recipe.certificate))


def standing(recipe: Recipe) -> Standing:
    """How the recipe's leaf stands. Raises HostError, OSError, DerError."""
    with opened_folder(place_of(recipe).folder(recipe.name)) as folder:
        return Standing(0, None, None) if folder is None else standing_in(folder, recipe.certificate)


def standing_in(folder: int, path: str) -> Standing:
    """How the leaf in its ``folder`` stands, whose certificate, where that is not ours, the host has at ``path``.

    Raises HostError, OSError, DerError.
    """
    number, certificate, staple = withdrawable_staple(folder, staples_only=bool(path))
    end = None if staple is None else read_staple(staple).end
    mark = read_mark(folder, number)
    if not path:
        return Standing(number, end, mark)
    present = _certificate_at(path)
    others = {other for other in named_folders(read_pointing(folder)) if other != f"v{number}"}
    is_torn = any(_certificate_of(folder, other) != present for other in others)
    return Standing(number, end, mark, certificate != present, is_torn)


def _certificate_of(folder: int, generation: str) -> bytes:
    """The DER of the certificate in a generation's folder, b"" where there is none."""
    try:
        with opened_subfolder(folder, generation) as opened:
            return from_pem((read_file(opened, CERTIFICATE) or b"").decode("ascii"))
    except (HostError, OSError, ValueError):
        return b""


def _certificate_at(path: str) -> bytes:
    """The DER of the certificate at ``path``; what is none, or cannot be read, is one that no staple belongs to."""
    for pause in (_SECOND_LOOK, 0):
        try:
            return read_certificates(path)[0]
        except CertificateFileError:
            time.sleep(pause)
    return b""


def withdrawable_staple(folder: int, staples_only: bool) -> tuple[int, bytes, bytes | None]:
    """The generation that is deployed in a leaf's ``folder`` (0 for none), its certificate, and its staple, be it
    withdrawn or not; None for no staple, and where clients would refuse a leaf of ours without one.

    Raises HostError, OSError, ValueError.
    """
    number = deployed_generation(folder)
    if number == 0:
        return 0, b"", None
    with opened_subfolder(folder, f"v{number}") as generation:
        text, staple = read_file(generation, CERTIFICATE), read_file(generation, STAPLE)
    certificate = from_pem((text or b"").decode("ascii"))
    is_needed = _TLS_FEATURE in certificate and not staples_only
    return number, certificate, None if is_needed else staple
