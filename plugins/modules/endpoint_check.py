#!/usr/bin/python
# Copyright: the tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

DOCUMENTATION = r"""
module: endpoint_check
short_description: Prove that HTTP endpoints answer as expected
version_added: 1.0.0
description:
  - Asks all endpoints side by side, again until each answers as expected or O(wait) is over, and fails with every fault at once.
  - Changes nothing; runs in check mode as well.
options:
  endpoints:
    description: The endpoints to ask.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name in the report; unique.
        type: str
        required: true
      url:
        description: An C(http) or C(https) URL. Certificates are verified.
        type: str
        required: true
      host:
        description: Value of the header C(Host) where it is not that of the URL.
        type: str
      headers:
        description: Further headers of the request.
        type: dict
        default: {}
      status:
        description: The expected status code.
        type: int
        default: 200
      json_contains:
        description: Members that the JSON object in the body must have, compared for equality.
        type: dict
        default: {}
      min_items:
        description: Members of the JSON object that must be a list with at least so many items, or a number of at least that value.
        type: dict
        default: {}
  wait:
    description: Seconds to go on asking.
    type: float
    default: 60
  timeout:
    description: Seconds that one request may take.
    type: float
    default: 5
extends_documentation_fragment:
  - tiketi.platform.attributes.reads
author:
  - The tiketi.platform developers
"""

EXAMPLES = r"""
- name: Prove that the service answers through the ingress
  tiketi.platform.endpoint_check:
    endpoints:
      - name: events
        url: http://10.0.1.10/api/v1/events
        min_items: {events: 1}
"""

RETURN = r"""
endpoints:
  description: One row an endpoint, in the given order.
  returned: always
  type: list
  elements: dict
  sample: [{"name": "events", "url": "http://10.0.1.10/api/v1/events", "status": 200, "milliseconds": 8.1, "fault": ""}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._endpoint.check import Expectation, check_all

ENDPOINT = {
    "name": {"type": "str", "required": True},
    "url": {"type": "str", "required": True},
    "host": {"type": "str"},
    "headers": {"type": "dict", "default": {}},
    "status": {"type": "int", "default": 200},
    "json_contains": {"type": "dict", "default": {}},
    "min_items": {"type": "dict", "default": {}},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "endpoints": {"type": "list", "elements": "dict", "required": True, "options": ENDPOINT},
            "wait": {"type": "float", "default": 60},
            "timeout": {"type": "float", "default": 5},
        },
        supports_check_mode=True,
    )
    expectations = [
        Expectation(**{key: value for key, value in row.items() if value is not None})
        for row in module.params["endpoints"]
    ]
    wrong = [
        f"{expected.name}: {expected.url} is no http or https URL"
        for expected in expectations
        if not expected.url.startswith(("http://", "https://"))
    ]
    if wrong:
        module.fail_json(msg="; ".join(wrong))
    rows = check_all(expectations, module.params["wait"], module.params["timeout"])
    faults = [f"{row['name']} ({row['url']}): {row['fault']}" for row in rows if row["fault"]]
    if faults:
        module.fail_json(
            msg=f"{len(faults)} of {len(rows)} endpoints do not answer as expected: " + "; ".join(faults),
            endpoints=rows,
        )
    module.exit_json(changed=False, endpoints=rows)


if __name__ == "__main__":
    main()
