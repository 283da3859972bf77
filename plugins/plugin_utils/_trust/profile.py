# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Anchors as a configuration profile, by which Macs that a device management service manages come to trust them."""

from __future__ import annotations

import os
import plistlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import TooLarge, read_regular_file
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import replace_file, staged_name
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._host.text import single_line
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import from_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import opened_path
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import AnchorCertificate

#: The only one by which macOS takes a file for a profile.
SUFFIX = ".mobileconfig"
READABLE = Attributes(0o644)
# That of an anchor has a few thousand bytes.
_LARGEST_PROFILE = 1024 * 1024
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile and the file for it: ``content`` takes the place of ``former``, None where there is no file."""

    path: Path
    content: bytes
    former: bytes | None

    @property
    def changed(self) -> bool:
        """Whether the file is another one than it is to be."""
        return self.content != self.former

    def diff(self) -> dict[str, str]:
        """Both as Ansible shows them."""
        return {
            "before_header": f"{self.path} before",
            "after_header": f"{self.path} after",
            "before": (self.former or b"").decode("utf-8", "backslashreplace"),
            "after": self.content.decode(),
        }


def anchor_profile(anchors: Sequence[AnchorCertificate], first: str) -> bytes:
    """The profile of these anchors, an XML property list; the same bytes whenever it is made.

    Whoever may remove profiles may remove it. It is named after the fingerprint ``first``: one with the same name takes
    its place, also where that has other anchors. What identifies an anchor in it is derived from that alone. Source:
    Apple, Device Management, TopLevel and CertificateRoot.
    """
    subjects = [single_line(anchor.subject, _LONGEST_NAME) for anchor in anchors]
    named = [f"{subject}, SHA-256 {anchor.sha256}" for subject, anchor in zip(subjects, anchors, strict=True)]
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": _identifier(first),
        "PayloadUUID": _uuid("profile", first),
        "PayloadDisplayName": f"Trust in {' and '.join(subjects)}",
        "PayloadDescription": f"Makes this Mac trust the root certificate {', and '.join(named)}.",
        "PayloadScope": "System",
        "PayloadRemovalDisallowed": False,
        "PayloadContent": [_root(anchor, subject) for anchor, subject in zip(anchors, subjects, strict=True)],
    }
    return plistlib.dumps(profile)


def _root(anchor: AnchorCertificate, subject: str) -> dict[str, Any]:
    return {
        "PayloadType": "com.apple.security.root",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{_identifier(anchor.sha256)}.certificate",
        "PayloadUUID": _uuid("certificate", anchor.sha256),
        "PayloadDisplayName": subject,
        "PayloadCertificateFileName": f"{anchor.name}.cer",
        "PayloadContent": from_pem(anchor.pem),
    }


def _identifier(sha256: str) -> str:
    return f"anchorage.pki.root.{sha256[:16]}"


def _uuid(part: str, sha256: str) -> str:
    """RFC 9562, section 5.5: the same name gives the same identifier."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:anchorage.pki:{part}:{sha256}")).upper()


def plan_profile(option: str, anchors: Sequence[AnchorCertificate], first: str) -> Profile:
    """What is to be written to the path that the option ``profile_path`` names; all else as above. Raises PkiError."""
    path = Path(option)
    if not path.is_absolute():
        raise PkiError(f"profile_path: {option!r} is a relative path. Begin it with / or ~.")
    if path.suffix != SUFFIX:
        raise PkiError(f"profile_path: {path} does not end with {SUFFIX}, without which macOS takes it for no profile.")
    if not path.parent.is_dir():
        raise PkiError(f"profile_path: there is no folder {path.parent} on the controller. Make it, or name another.")
    return Profile(path, anchor_profile(anchors, first), _former(path))


def _former(path: Path) -> bytes | None:
    try:
        return read_regular_file(path, _LARGEST_PROFILE)
    except FileNotFoundError:
        return None
    except TooLarge as error:
        raise PkiError(
            f"profile_path: {path} is larger than any profile. Move it away, or name another one."
        ) from error
    except OSError as error:
        raise PkiError(f"profile_path: {path} cannot be read: {error.strerror}.") from error


def write_profile(profile: Profile) -> None:
    """Put the profile at its path by one rename; the tasks of several hosts may do so at once. Raises PkiError."""
    try:
        with opened_path(profile.path.parent) as folder:
            staged = f"{staged_name(profile.path.name)}.{os.getpid()}"
            replace_file(folder, profile.path.name, profile.content, READABLE, staged)
    except OSError as error:
        raise PkiError(f"profile_path: {profile.path} cannot be written: {error.strerror}.") from error
