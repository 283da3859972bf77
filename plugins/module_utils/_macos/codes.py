# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the status of a call of Apple's Security framework means (OSStatus, SecBase.h), and what to do about it."""

from __future__ import annotations

import os

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

SUCCESS = 0
INVALID_TRUST_SETTINGS = -25262
NO_TRUST_SETTINGS = -25263
ITEM_NOT_FOUND = -25300

_NO_ADVICE = "Look for this number at https://www.osstatus.com, and in the log of the Mac: log show --last 5m."
_BUSY = "Try again later: a service of the Mac did not answer in time, or is just being started."
_REPORT = "Report it, with the version of macOS."
_SETTINGS = "Look at the certificate's trust settings in Keychain Access, and set them again."
_PERMISSION = "Run the task as a user who may do that."
_CONFIRM = "Have a person at the screen of the Mac run this, and confirm it."
_AUTHENTICATE = "Run the task again, and give the right password when macOS asks for it, as a user who may do that."
_ADMINISTRATOR = (
    "Where a person was asked, run the task again with the name and password of an administrator. Where nobody can be, "
    "send a configuration profile by a device management service."
)
_MANAGED = (
    "macOS lets no program do this unattended. Have a person at the screen confirm it, or send a configuration profile "
    "by a device management service."
)
_KEYCHAIN = (
    "Log in at the screen of the Mac, which makes the login keychain, or have Keychain Access make it (Settings, Reset "
    "Default Keychains)."
)
_LEAF = "Look at the certificate in Keychain Access. Where another root of its name is trusted or denied, remove that."
_CLOCK = "Compare the clock of the Mac with that of the controller, and the certificate's validity with both."
_OTHER = "Issue the leaf anew, by anchorage.pki.leaf_certificate."
_ABSENT = "Nothing is to be done, unless it was expected to be there."

# The name in Apple's headers, what it means, and what to do.
_TABLE = {
    -36: ("ioErr", "the service did not answer in time", _BUSY),
    -50: ("errSecParam", "a parameter is not valid", _REPORT),
    -61: ("errSecWrPerm", "the keychain may not be written", _PERMISSION),
    -128: ("errSecUserCanceled", "a person canceled it", _CONFIRM),
    -2070: ("errSecInternalComponent", "an internal component failed", _MANAGED),
    INVALID_TRUST_SETTINGS: ("errSecInvalidTrustSettings", "the trust settings are damaged", _SETTINGS),
    NO_TRUST_SETTINGS: ("errSecNoTrustSettings", "there are no trust settings", _ABSENT),
    -25291: ("errSecNotAvailable", "no keychain is available", _BUSY),
    -25293: ("errSecAuthFailed", "the user name or passphrase was wrong", _AUTHENTICATE),
    -25294: ("errSecNoSuchKeychain", "the keychain does not exist", _KEYCHAIN),
    -25299: ("errSecDuplicateItem", "it is in the keychain already", "Nothing is to be done."),
    ITEM_NOT_FOUND: ("errSecItemNotFound", "it is not in the keychain", _ABSENT),
    -25308: ("errSecInteractionNotAllowed", "a person would have to confirm it, and cannot be asked", _CONFIRM),
    -25318: ("errSecCreateChainFailed", "a certificate between it and a root is missing", _LEAF),
    -25317: ("errSecDataNotModifiable", "it cannot be changed", "Leave it: Apple's own roots are fixed."),
    -26276: ("errSecInternalError", "an internal error occurred", _BUSY),
    -67602: ("errSecHostNameMismatch", "the name is not one of the certificate's", _OTHER),
    -67609: ("errSecInvalidExtendedKeyUsage", "the certificate is not for TLS servers", _OTHER),
    -67818: ("errSecCertificateExpired", "the certificate has expired", _CLOCK),
    -67819: ("errSecCertificateNotValidYet", "the certificate is not valid yet", _CLOCK),
    -67820: ("errSecCertificateRevoked", "the certificate was revoked", _OTHER),
    -67843: ("errSecNotTrusted", "no trusted root vouches for it", _LEAF),
    -67901: ("errSecCertificateValidityPeriodTooLong", "the certificate is valid for longer than macOS allows", _OTHER),
    -60005: ("errAuthorizationDenied", "the authorization was denied, as after wrong passwords", _ADMINISTRATOR),
    -60006: ("errAuthorizationCanceled", "a person canceled the authorization", _CONFIRM),
    -60007: ("errAuthorizationInteractionNotAllowed", "a person would have to authorize it", _MANAGED),
    -60008: ("errAuthorizationInternal", "an internal error occurred during the authorization", _BUSY),
}

# What the file layer of keychains adds to an error of the system (errno), by Apple's numbers of those that may pass.
_FILE_LAYER = 100000
_TRANSIENT_ERRNO = {4: "EINTR", 16: "EBUSY", 35: "EAGAIN", 60: "ETIMEDOUT"}
_LARGEST_ERRNO = 106

# How often it is worth to try a call that reads; one that writes is never tried again.
_MOST_ATTEMPTS = 4
_ATTEMPTS = {-36: _MOST_ATTEMPTS, -25291: _MOST_ATTEMPTS, -26276: 2}


class Status(NamedTuple):
    """A status: its number, its name in Apple's headers, what it means, what to do."""

    code: int
    name: str
    message: str
    advice: str

    @property
    def sentence(self) -> str:
        """All of it, for a report."""
        return f"{self.message} ({self.name}, {self.code}). {self.advice}"


def describe(code: int, apple_message: str | None = None) -> Status:
    """A status by its number; Apple's own message takes the place of the table's where it is more than the number."""
    name, message, advice = _TABLE.get(code) or _of_the_system(code)
    if apple_message and not apple_message.startswith("OSStatus"):
        message = apple_message
    return Status(code, name, message.strip().rstrip("."), advice)


def sentence(failure: dict[str, Any]) -> str:
    """What went wrong, as an answer about an anchor has it, and what to do about it."""
    if failure["code"] is None:
        return f"{failure['message']}."
    return describe(failure["code"], failure["message"]).sentence


def attempts_for(code: int) -> int:
    """How often a call that reads is worth to be tried, if it gives this status: once, unless that may pass."""
    if code - _FILE_LAYER in _TRANSIENT_ERRNO:
        return _MOST_ATTEMPTS
    return _ATTEMPTS.get(code, 1)


def _of_the_system(code: int) -> tuple[str, str, str]:
    number = code - _FILE_LAYER if code > _FILE_LAYER else code
    if number in _TRANSIENT_ERRNO:
        return _TRANSIENT_ERRNO[number], "the system could not do it at the moment", _BUSY
    if 0 < number <= _LARGEST_ERRNO:
        return f"errno {number}", os.strerror(number), "Look at the files of the keychains: disk, owners and modes."
    return "unknown status", f"OSStatus {code}", _NO_ADVICE
