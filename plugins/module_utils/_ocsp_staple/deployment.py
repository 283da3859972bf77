# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deployment of staples whose certificates are not ours, by the transaction of leaves.

Something else renews these certificates, at any time. So a staple is deployed only while the host has the certificate
that it is for: that is seen once more when the staple is staged, and again when the server has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import created_folder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination_changes import exclusive_lock
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.errors import translated_errors
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import CERTIFICATE, STAPLE
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generation_changes import stage_files
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import sha256
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import ActivationOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import (
    REPAIR,
    STAPLE_ONLY,
    Delivery,
    DeployedGeneration,
    Deployment,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointer_changes import set_pointing
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import wanted_pointing
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.withdrawn_changes import make_unstapled
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.inspection import check_paths
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.link import link_path
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.link_changes import (
    check_link,
    make_link,
    remove_links,
)
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import (
    NOTE,
    DeployedStapleGeneration,
    StapleDelivery,
    StapleDeployment,
)
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.source import Source, read_source
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.source_changes import write_source
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.drift import Withdrawal
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.setup import prepare, retract, set_up
from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_file import (
    CertificateFileError,
    read_certificates,
)
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import is_whole_der
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import from_pem, to_pem


def deploy_staples(deliveries: Sequence[StapleDelivery], withdrawal: Withdrawal) -> StapleDeployment:
    """Deploy all ``deliveries``, have the server use them and the host withdraw them, and write down what came of
    attempts. Raises HostError after everything is as it was, or with a sentence that says what is not."""
    destination = withdrawal.destination
    check_paths([delivery.path for delivery in deliveries])
    orders = [_order(delivery) for delivery in deliveries if delivery.action != NOTE]
    paths = {delivery.name: delivery.path for delivery in deliveries}
    deployment = Deployment(False, ActivationOutcome())
    if orders:
        prepare(orders, withdrawal)
        try:
            deployment = _deploy(orders, paths, withdrawal)
        except HostError:
            retract(orders, withdrawal)
            raise
        deployment = _without_replaced(deployment, paths, withdrawal)
        deployment = set_up(deployment, orders, withdrawal)
    with translated_errors(destination.path):
        _write_sources(destination, deliveries)
    generations = {generation.name: generation for generation in deployment.certificates}
    return StapleDeployment(
        deployment.changed,
        deployment.activation,
        tuple(_answer(delivery, generations.get(delivery.name)) for delivery in deliveries),
        deployment.notices,
        deployment.withdrawal,
    )


def _order(delivery: StapleDelivery) -> Delivery:
    """The delivery as the transaction of leaves knows it. A repair of what is for another certificate by now is a
    generation without a staple. Raises HostError."""
    if delivery.staple and not is_whole_der(delivery.staple):
        raise HostError(f"{delivery.name}: the staple is truncated or not DER.")
    action, certificate = delivery.action, delivery.certificate
    if action == REPAIR and _certificate_at(delivery.path) != from_pem(certificate):
        action = STAPLE_ONLY
    return Delivery(delivery.name, action, delivery.expected_generation, certificate, staple=delivery.staple)


def _deploy(orders: Sequence[Delivery], paths: Mapping[str, str], withdrawal: Withdrawal) -> Deployment:
    """Deploy, with the links that the server needs. Raises HostError."""

    def stage(folder: int, destination: Destination, delivery: Delivery, kept: Mapping[str, bytes]) -> dict[str, bytes]:
        files = _files(delivery, paths[delivery.name])
        if STAPLE in kept and kept[CERTIFICATE] != files[CERTIFICATE]:
            # First: what a rollback goes back to must not be a staple of another certificate.
            _unstaple(folder, destination, delivery)
        stage_files(folder, destination, files)
        return files

    destination = withdrawal.destination
    for order in orders:
        check_link(destination, order.name, paths[order.name])
    made: list[str] = []
    try:
        with translated_errors(destination.path):
            for order in orders:
                if make_link(destination, order.name, paths[order.name]):
                    made.append(order.name)
        deployment = deploy(destination, orders, withdrawal.activation, withdrawal.layout, stage)
    except HostError:
        for name in made:
            remove_links(destination, name, paths[name])
        raise
    return replace(deployment, changed=deployment.changed or bool(made))


def _unstaple(folder: int, destination: Destination, delivery: Delivery) -> None:
    """Have nothing name the staple of the deployed generation any more. Raises HostError, OSError."""
    make_unstapled(folder, delivery.expected_generation)
    set_pointing(
        folder,
        wanted_pointing(destination, delivery.name, delivery.expected_generation, stapled=True, withdrawn=True),
    )


def _files(delivery: Delivery, path: str) -> dict[str, bytes]:
    """A generation for the certificate that the host has now, with the staple if that is for it. Raises HostError."""
    present = _certificate_at(path)
    files = {CERTIFICATE: to_pem(present).encode("ascii")}
    if delivery.staple and present == from_pem(delivery.certificate):
        files[STAPLE] = delivery.staple
    return files


def _certificate_at(path: str) -> bytes:
    try:
        return read_certificates(path)[0]
    except CertificateFileError as error:
        raise HostError(f"certificate: {error}.") from error


def _without_replaced(deployment: Deployment, paths: Mapping[str, str], withdrawal: Withdrawal) -> Deployment:
    """After a ``deployment``, take away the staples whose certificates were replaced meanwhile. Raises HostError."""
    stale = [
        Delivery(each.name, STAPLE_ONLY, each.generation)
        for each in deployment.certificates
        if each.staple_sha256 and each.leaf_sha256 != sha256(_certificate_at(paths[each.name]))
    ]
    if not stale:
        return deployment
    later = _deploy(stale, paths, withdrawal)
    newest = {generation.name: generation for generation in [*deployment.certificates, *later.certificates]}
    return replace(later, certificates=tuple(newest.values()), notices=(*deployment.notices, *later.notices))


def _write_sources(destination: Destination, deliveries: Sequence[StapleDelivery]) -> None:
    """Remember what came of attempts. Raises HostError, OSError."""
    with created_folder(destination.path) as root, exclusive_lock(root, destination.path, destination.lock_timeout):
        for delivery in deliveries:
            with created_folder(destination.folder(delivery.name)) as folder:
                former = read_source(folder).certificate
                if former != delivery.path or not link_path(destination, delivery.path):
                    remove_links(destination, delivery.name, former)
                write_source(folder, Source(delivery.path, delivery.failures, delivery.failure, delivery.next_attempt))


def _answer(delivery: StapleDelivery, deployed: DeployedGeneration | None) -> DeployedStapleGeneration:
    """What is said of a delivery; of one that was only noted, what was expected."""
    if deployed is None:
        return DeployedStapleGeneration(delivery.name, delivery.expected_generation, "", "", replaced=False)
    is_new = deployed.generation != delivery.expected_generation  # what is without a staple may stay for a former one
    replaced = is_new and deployed.leaf_sha256 != sha256(from_pem(delivery.certificate))
    return DeployedStapleGeneration(
        deployed.name, deployed.generation, deployed.leaf_sha256, deployed.staple_sha256, replaced
    )
