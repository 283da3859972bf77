# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why an OCSP response is no good staple: one value for each reason, with the sentence that says so."""

from __future__ import annotations

from enum import Enum

LARGEST_STAPLE = 64 * 1024


class Refusal(Enum):
    """A reason, as a sentence about "it", in which ``{this_update}`` and ``{next_update}`` are the response's own."""

    EMPTY = "it is empty."
    TOO_LARGE = f"it is larger than {LARGEST_STAPLE} bytes."
    PEM = "it is in PEM, and servers read DER alone."
    TRAILING = "something stands behind it."
    NOT_DER = "it is not an OCSP response in DER."
    DAMAGED = "a part of it is damaged."

    MALFORMED_REQUEST = "the responder answered MALFORMED_REQUEST."
    INTERNAL_ERROR = "the responder answered INTERNAL_ERROR."
    TRY_LATER = "the responder answered TRY_LATER."
    SIG_REQUIRED = "the responder answered SIG_REQUIRED."
    UNAUTHORIZED = "the responder answered UNAUTHORIZED."

    NOT_ONE = "it must hold exactly one response."
    OTHER_HASH = (
        "it does not name its certificate by the digest that is wanted, which is SHA-1, as servers match nothing else, "
        "unless certid_digest says otherwise."
    )
    OTHER_SERIAL = "it is about another certificate."
    OTHER_ISSUER = "it is about another certificate, one of another issuer."

    OTHER_SIGNER = "it is signed by neither the issuer nor a responder that the issuer appointed."
    FOREIGN_RESPONDER = (
        "it is signed by neither the issuer nor a responder that the issuer appointed: another one issued its signer's "
        "certificate."
    )
    NOT_A_RESPONDER = (
        "it is signed by neither the issuer nor a responder that the issuer appointed: its signer's certificate is not "
        "for OCSP signing."
    )
    RESPONDER_NOT_YET_VALID = "the certificate of its responder is not valid yet."
    RESPONDER_EXPIRED = "the certificate of its responder has expired."

    UNUSUAL_KEY = "its signer has a key of an unusual kind."
    UNKNOWN_ALGORITHM = "it uses an unknown algorithm."
    WEAK_SIGNATURE = "its signature uses an algorithm that is no longer safe."
    OTHER_ALGORITHM = "its signature's algorithm is not one for its signer's key."
    WRONG_SIGNATURE = "its signature is wrong."
    CRITICAL_EXTENSION = "it has a critical extension that is unknown."

    ENDLESS = "it does not say until when it is valid."
    BACKWARDS = "it ends before it begins, or then."
    NOT_YET_VALID = "it is valid from {this_update:%Y-%m-%d %H:%M} UTC on only. Check the clock."
    EXPIRED = "it ended at {next_update:%Y-%m-%d %H:%M} UTC."
    TOO_SHORT = "it ends at {next_update:%Y-%m-%d %H:%M} UTC already."
    OUTLIVES_CERTIFICATE = "it outlives its certificate."
    OUTLIVES_SIGNER = "it outlives the certificate of its signer."
    OLDER = "it is older than the one that is installed."

    REVOKED = "the certificate is revoked."
    UNKNOWN = "the certificate is unknown."
