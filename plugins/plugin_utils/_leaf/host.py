# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to a host about its leaves. A host is not trusted: its answers are typed, capped and matched with what it
was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, Inquiry, Inspection
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import (
    Delivery,
    Deployment,
    KeyRequests,
    Removal,
    Shown,
    WantedKey,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.digests import digests
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import MalformedError, decode, encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import HostFailedError, PkiError

#: Takes the arguments of a host half, and returns its result as the host sent it.
CallHost = Callable[[dict[str, Any]], Mapping[str, Any]]

#: What a look compares a host's programs with.
DIGESTS = digests()


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class _AboutCertificates(Protocol):
    @property
    def certificates(self) -> Sequence[_Named]: ...


Answer = TypeVar("Answer", bound=_AboutCertificates)


def inspect(call: CallHost, inquiries: Sequence[Inquiry], activation: Activation | None) -> Inspection:
    """What is deployed of each leaf that is asked about, in that order, and whether ``activation`` is still to be done.

    Raises PkiError, HostFailedError where the host reports a failure or cannot be reached.
    """
    arguments = {"inspect": encode(inquiries), "activate": encode(activation), "digests": DIGESTS}
    return ask(call, arguments, Inspection, [inquiry.name for inquiry in inquiries])


def request_keys(call: CallHost, wanted: Sequence[WantedKey]) -> dict[str, str]:
    """Have the host make the ``wanted`` keys: the certificate request of each, by the name of its leaf.

    Raises PkiError, HostFailedError.
    """
    answer = ask(call, {"request": encode(wanted)}, KeyRequests, [each.name for each in wanted])
    return {request.name: request.csr for request in answer.certificates}


def deploy(call: CallHost, deliveries: Sequence[Delivery], activation: Activation | None) -> Deployment:
    """Have the host deploy all of ``deliveries``, or none. Raises PkiError, HostFailedError."""
    arguments = {"deploy": encode(deliveries), "activate": encode(activation)}
    return ask(call, arguments, Deployment, [delivery.name for delivery in deliveries])


def remove(call: CallHost, names: Sequence[str]) -> Removal:
    """Have the host remove the leaves ``names``. Raises PkiError, HostFailedError."""
    return ask(call, {"remove": list(names)}, Removal, names)


def show(call: CallHost, names: Sequence[str]) -> dict[str, str]:
    """The certificates (PEM) of the leaves ``names`` that the host has deployed, by their names. Raises PkiError,
    HostFailedError."""
    answer = ask(call, {"show": list(names)}, Shown, names)
    return {leaf.name: leaf.certificate for leaf in answer.certificates}


def ask(call: CallHost, arguments: dict[str, Any], kind: type[Answer], names: Sequence[str]) -> Answer:
    """The host's answer, a message of that kind, which has to be about the certificates ``names``, in their order.

    Raises PkiError, HostFailedError where the host reports a failure or cannot be reached.
    """
    result = call(arguments)
    if result.get("failed") or result.get("unreachable"):
        raise HostFailedError(result)
    try:
        answer = decode(kind, result)
    except MalformedError as error:
        raise _malformed(str(error)) from error
    if [entry.name for entry in answer.certificates] != list(names):
        raise _malformed("it is about other certificates than this task")
    return answer


def _malformed(reason: str) -> PkiError:
    return PkiError(f"The host returned a malformed result: {reason}. Run the task again to see what is in use there.")
