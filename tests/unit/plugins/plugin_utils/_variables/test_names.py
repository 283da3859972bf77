# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which names are taken for misspelled ones, and which are somebody else's."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.known import Known
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.names import is_unknown, likely_name

#: A name that nobody reads, and what is proposed instead.
WRONG = {
    # The prefix is right.
    "anchorage_autority": "anchorage_authority",
    "anchorage_host": "anchorage_hosts",
    "certificate_authority_permited_domains": "certificate_authority_permitted_domains",
    "certificate_authority_domains": None,
    "dev_machine_nmaes": "dev_machine_names",
    "leaf_certificate_certificats": "leaf_certificate_certificates",
    "leaf_certificate_names": None,
    "leaf_certificate_play": None,
    "trust_anchor_stors": "trust_anchor_stores",
    # It is not.
    "anchorageauthority": "anchorage_authority",
    "anchorge_authority": "anchorage_authority",
    "ancorage_hosts": "anchorage_hosts",
    "certificate_authorities_subject": "certificate_authority_subject",
    "certificates_authority_subject": "certificate_authority_subject",
    "devmachine_names": "dev_machine_names",
    "leafcertificate_certificates": "leaf_certificate_certificates",
    "leaf_certificat_names": None,
    "leaf_certificates": "leaf_certificate_certificates",
    "leaf_certificates_server": "leaf_certificate_server",
    "leaf_certficate_srver": "leaf_certificate_server",
    "leave_certificate_server": "leaf_certificate_server",
    "trust_achor_scr": "trust_anchor_src",
    "trust_anchors_stores": "trust_anchor_stores",
    "trustanchor_state": "trust_anchor_state",
}


@pytest.mark.parametrize(("name", "proposed"), WRONG.items())
def test_a_misspelled_name_is_unknown(known: Known, name: str, proposed: str | None) -> None:
    assert is_unknown(name, known)
    assert likely_name(name, known) == proposed


FOREIGN = [
    "anchor_hosts",
    "anchored_hosts",
    "ansible_certificate_authority_subject",
    "ansible_facts",
    "authority_subject",
    "ca_certificates",
    "certificate_author_name",
    "certificate_authorities",
    "certificate_authority",
    "certificate_domain",
    "certificate_lifetime",
    "certificate_mode",
    "certificate_names",
    "certificate_server",
    "certificates",
    "client_certificate_owner",
    "dev_machine",
    "dev_machines",
    "dev_machines_count",
    "device_machine_name",
    "inventory_hostname",
    "leaf",
    "leaf_cert",
    "leaf_certificate",
    "leaf_certificates_folder",
    "leaf_certs",
    "leaf_count",
    "leaf_names",
    "leaf_switch_name",
    "letsencrypt_certificates",
    "machine_name",
    "self_certificate_owner",
    "self_certificates",
    "server_certificate_owner",
    "tls_certificates",
    "trust_anchor",
    "trust_anchors",
    "trust_anchors_file",
    "trust_store",
    "trust_stores",
    "trusted_anchors_dir",
    "trusted_stores",
    "unbound_trust_anchor_file",
    "variables_file",
    "web_certificates",
]


@pytest.mark.parametrize("name", FOREIGN)
def test_an_ordinary_name_is_somebody_elses(known: Known, name: str) -> None:
    assert not is_unknown(name, known)


def test_what_is_documented_or_set_by_the_collection_is_known(known: Known) -> None:
    assert [name for name in [*known.options, "anchorage_chosen", "anchorage_gone"] if is_unknown(name, known)] == []
