# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter anchorage.pki.staple_metrics: how staples were refreshed, as metrics for Prometheus."""

from __future__ import annotations

DOCUMENTATION = r"""
name: staple_metrics
short_description: Metrics for Prometheus of a run that refreshed staples
version_added: 0.3.0
description:
  - Turns what the ledger says after a run that refreshed staples, and the results of the hosts, into the text format
    that Prometheus reads, for the textfile collector of its node exporter.
  - Each leaf has C(anchorage_leaf_not_after_timestamp_seconds); each leaf with a staple besides
    C(anchorage_staple_next_update_timestamp_seconds), C(anchorage_staple_refresh_failed),
    C(anchorage_staple_refresh_consecutive_failures) and C(anchorage_staple_refresh_last_success_timestamp_seconds).
    Their labels are C(host) and C(certificate), the leaf's folder on the host.
  - Staples for certificates of other authorities have the same, as their hosts say it. A certificate for which there is
    nobody to ask has the first one alone.
  - C(anchorage_responder_not_after_timestamp_seconds) is that of the authority's OCSP responder, where there is an
    authority.
  - What was due and still is has failed, and all that was due on a host whose task failed or that was not reached, and
    a staple that has ended. Of other authorities' certificates, those without a staple and those whose responder gave
    none the last time have failed.
  - The playbook C(anchorage.pki.refresh_staples) writes them to the file C(anchorage_metrics_file).
positional: due, results
options:
  _input:
    description:
      - The result of M(anchorage.pki.certificate_authority_info) after the run, with C(places=all) and C(due=staples).
        It may say that there is no authority.
    type: dict
    required: true
  due:
    description:
      - What that module returned in C(due_staples) before the run, without those that the run was not for. Of what is
        due and not among them, the metrics stay as they were.
    type: list
    elements: dict
    required: true
  results:
    description:
      - The results of M(anchorage.pki.leaf_certificate) by the names of their hosts. A host with an empty result counts
        as unreachable.
    type: dict
    required: true
  former:
    description:
      - The metrics of the run before. Counts of failures and times of success go on from them.
    type: str
    default: ""
  foreign:
    description:
      - The results of M(anchorage.pki.ocsp_staple) by the names of the hosts that are to have staples for certificates
        of other authorities. A host with an empty result counts as unreachable. With C(skipped) in it, the run was not
        for that host, and its metrics stay as they were. A host that is not among them has no such metrics any more.
    type: dict
    default: {}
seealso:
  - module: anchorage.pki.certificate_authority_info
  - module: anchorage.pki.ocsp_staple
author:
  - The anchorage.pki contributors (@anchorage)
"""

EXAMPLES = r"""
- name: Read the ledger after the run
  anchorage.pki.certificate_authority_info:
    places: all
    due: staples
  register: after

- name: Show the metrics
  ansible.builtin.debug:
    msg: "{{ after | anchorage.pki.staple_metrics(before.due_staples, {'web1': hostvars.web1.leaf}) }}"
"""

RETURN = r"""
_value:
  description: The text of the metrics.
  type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleTypeError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.metrics import staple_metrics

_NEEDED = ("places", "due_staples", "responder")


def _staple_metrics(ledger: Any, due: Any, results: Any, former: str = "", foreign: Any = None) -> str:
    if not isinstance(ledger, Mapping) or not (_has_no_authority(ledger) or all(key in ledger for key in _NEEDED)):
        raise AnsibleTypeError(
            "staple_metrics takes the result of certificate_authority_info with places=all and due=staples."
        )
    for given in (results, foreign or {}):
        if not isinstance(given, Mapping) or not all(isinstance(result, Mapping) for result in given.values()):
            raise AnsibleTypeError("staple_metrics takes a dictionary of results by the names of their hosts.")
    return staple_metrics(ledger, due, results, former, foreign=foreign)


def _has_no_authority(ledger: Mapping[str, Any]) -> bool:
    return ledger.get("exists") is False


class FilterModule:
    """Where Ansible looks for the filter."""

    def filters(self) -> dict[str, Callable[..., str]]:
        return {"staple_metrics": _staple_metrics}
