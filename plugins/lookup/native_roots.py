# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: native_roots
short_description: The roots that the controller itself trusts, read once in a run
version_added: 0.1.0
author:
  - The anchorage.pki contributors (@anchorage)
description:
  - Returns the native roots of the controller, that is, the certificates that its own trust store trusts for TLS
    servers.
  - However many hosts, forks and tasks ask, they are loaded once in a run of C(ansible-playbook). What was loaded is
    in the run's own temporary folder, closed to other users, and is removed at the end of the run.
  - Where E(SSL_CERT_FILE) or E(SSL_CERT_DIR) is set, the roots are those in that file and in these folders, on every
    platform. Otherwise they are those in the first of the platform's usual files that exists, and in all of its usual
    folders. Each certificate is returned once.
  - Only PEM files are read, and in them only blocks with the label C(CERTIFICATE). No pipe and no device is read, and
    no file of more than 16 MiB.
  - What does not have the fields of a certificate under that label is an error and left out, whatever the dates, serial
    number and extensions of the others say.
  - What cannot be read is left out and listed by O(view=report), unless O(strict) is set. A set without any
    certificate is a failure. A failure is remembered for the run, too; a lookup with O(refresh) tries again.
  - Transient errors of the system, such as C(EIO) and C(ESTALE), are tried three times.
  - On macOS, where neither variable is set, the roots are those that its trust settings trust for TLS servers, in all
    domains. They are read by a process of its own, within 20 seconds. Transient errors are tried up to four times, with
    pauses of 1, 2 and 4 seconds.
  - Where a domain of the trust settings of macOS could not be read, the lookup fails and names the status, since
    distrusted roots might be among the others. Only O(view=report) is returned then, where RV(_raw) has V(true) as
    C(partial). A lookup with O(refresh) keeps the former roots, if these were whole, with a warning.
options:
  _terms:
    description: The lookup takes no terms.
  view:
    description:
      - The form in which the roots are returned.
      - V(certificates) returns a dictionary for each certificate.
      - V(pem) returns each certificate as text in PEM.
      - V(bundle) returns the path of a file with those that OpenSSL can parse, for options such as C(ca_path). For the
        others there is a warning, or an error with O(strict). The content of the file never changes; only you can read
        it, and it is removed at the end of the run. A run that is killed, or ended by C(SIGTERM) or C(SIGHUP), leaves
        its temporary folder behind, as all runs of Ansible do.
      - V(report) returns a dictionary that says what was looked at, what was read, and what was wrong.
    type: str
    choices:
      - certificates
      - pem
      - bundle
      - report
    default: certificates
  select:
    description:
      - A JMESPath expression over the list of dictionaries of O(view=certificates).
      - With O(view=pem) and O(view=bundle) it must return whole dictionaries.
    type: str
  source:
    description:
      - V(platform) is what most programs on the controller use.
      - V(p11-kit) asks the program C(trust), the only source on Linux that knows of explicitly distrusted roots.
        E(SSL_CERT_FILE) and E(SSL_CERT_DIR) have no influence on it.
      - V(certifi) is not the controller's own trust, but Mozilla's root set in the Python package C(certifi), to
        compare others with.
    type: str
    choices:
      - platform
      - p11-kit
      - certifi
    default: platform
  strict:
    description:
      - Fail, and list every error, where anything at all could not be read.
    type: bool
    default: false
  refresh:
    description:
      - Load the roots again, for this lookup and all later ones in the run. Use it after a task has changed what the
        controller itself trusts.
      - Where that fails, or finds no certificate, the former roots stay, with a warning. With O(strict), former
        roots without errors also stay where the new ones have some.
      - Do it in a task with C(run_once), since each host that evaluates it asks for a load.
    type: bool
    default: false
requirements:
  - The Python package C(jmespath) on the controller, for O(select).
notes:
  - The option C(environment) of a task has no influence on a lookup. It is the environment of C(ansible-playbook) that
    counts.
  - Prefer C(query), which always returns a list. C(lookup) joins several strings with commas; it suits the path of
    O(view=bundle) and the dictionary of O(view=report).
  - On macOS it was tested against a double of Apple's libraries, not on a Mac.
  - To know the state of the trust store before the first task, enable the callback
    P(anchorage.pki.native_roots#callback), or begin with the task that the examples show.
seealso:
  - plugin: anchorage.pki.native_roots
    plugin_type: callback
  - module: anchorage.pki.native_roots_info
  - module: anchorage.pki.trust_anchor
"""

EXAMPLES = r"""
- name: Load the roots before anything else does, and see what was read
  ansible.builtin.debug:
    msg: "{{ query('anchorage.pki.native_roots', view='report') }}"
  run_once: true

- name: Trust what the controller trusts
  ansible.builtin.uri:
    url: https://intranet.example.com/
    ca_path: "{{ lookup('anchorage.pki.native_roots', view='bundle') }}"
  delegate_to: localhost

- name: Show which roots do not claim to be authorities
  ansible.builtin.debug:
    msg: "{{ query('anchorage.pki.native_roots', select='[?!is_ca].subject') }}"

- name: Stop where a root expires within this year
  ansible.builtin.assert:
    that: query('anchorage.pki.native_roots', select=ending) | length == 0
  vars:
    ending: "[?not_after < '{{ now().year + 1 }}']"

- name: Trust a root on the controller, and use it in the same run
  hosts: localhost
  tasks:
    - name: Trust it
      anchorage.pki.trust_anchor:
        src: corporate_root.pem
      become: true
      register: trusted

    - name: Read the controller's roots again
      ansible.builtin.set_fact:
        controller_roots: "{{ query('anchorage.pki.native_roots', refresh=true, select='[].sha256') }}"
      when: trusted is changed
"""

RETURN = r"""
_raw:
  description:
    - A list, whose elements depend on O(view); with O(view=bundle) and O(view=report) it has one element.
    - A dictionary of O(view=certificates) is the same as one in
      RV(anchorage.pki.native_roots_info#module:certificates), a report the same as
      RV(anchorage.pki.native_roots_info#module:report).
  type: list
  elements: raw
"""

import os
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.cache import NativeRootsCache
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.views import view_of

display = Display()


class LookupModule(LookupBase):
    """Returns a view of the controller's native roots."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        if terms:
            raise AnsibleError("anchorage.pki.native_roots takes no terms. Use its options view and select.")
        unknown = sorted(set(kwargs) - set(self.get_options()))
        if unknown:
            raise AnsibleError(f"anchorage.pki.native_roots has no option {', '.join(unknown)}. See its documentation.")
        for name in ("strict", "refresh"):
            try:
                boolean(kwargs.get(name, False))
            except TypeError:
                raise AnsibleError(f"{name}: {kwargs[name]} is neither true nor false.") from None
        cache = NativeRootsCache(Path(constants.DEFAULT_LOCAL_TMP), self.get_option("source"), os.environ)
        strict, select = self.get_option("strict"), self.get_option("select")
        try:
            if self.get_option("refresh"):
                state = cache.refreshed_state(strict)
                if state["failure"]:
                    display.warning(f"The native roots were not refreshed, the former ones stay. {state['failure']}")
            else:
                state = cache.state(strict)
            rows = view_of(cache, state, self.get_option("view"), None if select is None else str(select))
        except PkiError as error:
            raise AnsibleError(str(error)) from None
        return [_path_of(rows[0], strict)] if self.get_option("view") == "bundle" else rows


def _path_of(bundle: dict[str, Any], strict: bool) -> str:
    """The path of a bundle, with a warning about what is not in it, or an error where ``strict`` forbids that."""
    if bundle["refused"]:
        message = f"The bundle lacks what OpenSSL cannot parse, by SHA-256: {', '.join(bundle['refused'])}."
        if strict:
            raise AnsibleError(message)
        display.warning(message)
    return bundle["path"]
