# Copyright: the developers of tiketi.platform
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Lookup: the services of a stage."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import InvalidServicesError
from ansible_collections.tiketi.platform.plugins.module_utils._service.source import read_services

DOCUMENTATION = r"""
name: services
version_added: 1.0.0
author: The developers of tiketi.platform
short_description: Read the services of a stage
description:
  - Reads each C(*.yml) file of a folder as the definition of one service, lays the stage's overrides over it and checks the whole.
  - All faults are reported at once, each with its file and key, so that a stage can be refused before anything is touched.
  - The keys of a service are described in the README of the role P(tiketi.platform.service_deploy#role).
options:
  _terms:
    description: The folder of the service files.
    required: true
    type: list
    elements: str
  overrides:
    description:
      - What this stage changes, by the name of a service and then by key. Dictionaries merge key by key, all else is replaced.
      - A key set to null goes back to its default.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Refuse wrong services before anything is touched
  ansible.builtin.debug:
    msg: "{{ query('tiketi.platform.services', 'services', overrides={'event': {'replicas': 1, 'hpa': none}}) | map(attribute='name') }}"
"""

RETURN = r"""
_raw:
  description: The definition of each service, sorted by name.
  type: list
  elements: dict
"""


class LookupModule(LookupBase):
    """Thin edge of _service.source."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        try:
            return [service for folder in terms for service in read_services(str(folder), self.get_option("overrides"))]
        except InvalidServicesError as error:
            raise AnsibleLookupError(str(error)) from error
