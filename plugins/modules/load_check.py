#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: load_check
version_added: 1.0.0
short_description: Prove that a site answers under load
description:
  - Sends a number of requests over a number of connections that are kept open, compares each answer with what is expected, and fails when
    more go wrong than O(max_error_rate) allows, or when they take longer than O(p95_limit_ms).
  - Needs nothing but Python on the host that it runs on.
  - A kept connection that the server has closed in between is opened again; a request that can be repeated safely is then sent again and
    is no error.
author:
  - The tiketi.platform developers (@tiketi)
options:
  base_url:
    description: Scheme, host, port and what is put before each path. Certificates are verified.
    type: str
    required: true
  paths:
    description: What is asked.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name in the report; unique.
        type: str
        required: true
      path:
        description: Path and query, from the slash on.
        type: str
        required: true
      method:
        description: Method of the request.
        type: str
        choices: [GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE]
        default: GET
      weight:
        description: Share of this path among the requests.
        type: int
        default: 1
      headers:
        description: Headers of the request. Their values are kept out of logs.
        type: dict
        default: {}
      body:
        description: Body of the request, JSON unless the header C(Content-Type) says otherwise.
        type: str
        default: ""
      status:
        description: The expected status code.
        type: int
        default: 200
      json_contains:
        description: Members that the JSON object in the body must have, compared for equality.
        type: dict
        default: {}
      contains:
        description: Text that the body must hold.
        type: str
        default: ""
  requests:
    description: How many requests are sent and judged.
    type: int
    default: 1000
  concurrency:
    description: Over how many connections at the same time.
    type: int
    default: 10
  warm_up:
    description: How many requests are sent before and not judged.
    type: int
    default: 20
  timeout:
    description: Seconds that one request may take.
    type: float
    default: 10
  max_error_rate:
    description: Share of the requests that may go wrong, from 0 to 1.
    type: float
    default: 0
  p95_limit_ms:
    description: Milliseconds that 95 of 100 requests must not exceed. V(0) sets no limit.
    type: float
    default: 0
  give_up_after:
    description: Failures after which no more is sent.
    type: int
    default: 100
  enforce:
    description: Fail where the result is not good enough. Otherwise the faults are only reported, with the plot.
    type: bool
    default: true
  ca_file:
    description: File with the certificates that verify the server. Empty takes those of the system.
    type: str
    default: ""
  host:
    description: Value of the header C(Host) where it is not that of the URL.
    type: str
    default: ""
attributes:
  check_mode:
    description: Sends nothing in check mode; only the options are checked.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
seealso:
  - module: tiketi.platform.endpoint_check
"""

EXAMPLES = r"""
- name: Prove that the shop carries a thousand requests, ten at a time
  tiketi.platform.load_check:
    base_url: https://shop.example.com
    paths:
      - {name: events, path: /api/v1/events, weight: 4}
      - {name: health, path: /api/v1/reservations/health, json_contains: {status: ok}}
    p95_limit_ms: 250
"""

RETURN = r"""
report:
  description: The figures. Empty in check mode.
  returned: always
  type: dict
  contains:
    requests:
      description: How many were sent.
      type: int
    ok:
      description: How many were answered as expected.
      type: int
    failed:
      description: How many were not.
      type: int
    error_rate:
      description: Share of those that were not.
      type: float
    seconds:
      description: How long it took.
      type: float
    per_second:
      description: Requests a second.
      type: float
    latency_ms:
      description: Milliseconds of the good answers; C(min), C(mean), C(p50), C(p95), C(p99), C(max).
      type: dict
    by_path:
      description: The same for each path.
      type: dict
    errors:
      description: What went wrong by kind, with the first few of each.
      type: list
      elements: dict
    histogram:
      description: How many good answers took how long.
      type: list
      elements: dict
faults:
  description: What is not good enough.
  returned: always
  type: list
  elements: str
line:
  description: The report in one line.
  returned: always
  type: str
  sample: 1000 of 1000 requests as expected, 812 a second; p50 10.9, p95 18.2, p99 31, max 44.5 ms
plot:
  description: The report as an SVG, latency over time and its distribution. Empty in check mode.
  returned: success
  type: str
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._load import plot, report, run
from ansible_collections.tiketi.platform.plugins.module_utils._load.client import Site
from ansible_collections.tiketi.platform.plugins.module_utils._load.model import Target

PATH = {
    "name": {"type": "str", "required": True},
    "path": {"type": "str", "required": True},
    "method": {
        "type": "str",
        "choices": ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"],
        "default": "GET",
    },
    "weight": {"type": "int", "default": 1},
    "headers": {"type": "dict", "default": {}, "no_log": True},
    "body": {"type": "str", "default": ""},
    "status": {"type": "int", "default": 200},
    "json_contains": {"type": "dict", "default": {}},
    "contains": {"type": "str", "default": ""},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "base_url": {"type": "str", "required": True},
            "paths": {"type": "list", "elements": "dict", "required": True, "options": PATH},
            "requests": {"type": "int", "default": 1000},
            "concurrency": {"type": "int", "default": 10},
            "warm_up": {"type": "int", "default": 20},
            "timeout": {"type": "float", "default": 10},
            "max_error_rate": {"type": "float", "default": 0},
            "p95_limit_ms": {"type": "float", "default": 0},
            "give_up_after": {"type": "int", "default": 100},
            "enforce": {"type": "bool", "default": True},
            "ca_file": {"type": "str", "default": ""},
            "host": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    params = module.params
    site = Site(params["base_url"], params["timeout"], params["ca_file"], params["host"])
    targets = [Target(**row) for row in params["paths"]]
    plan = run.Plan(site, targets, *(params[n] for n in ("requests", "concurrency", "warm_up", "give_up_after")))
    wrong = run.faults(plan)
    if wrong:
        module.fail_json(msg="; ".join(wrong))
    if module.check_mode:
        module.exit_json(changed=False, report={}, faults=[], line=f"{plan.requests} requests would be sent", plot="")
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    try:
        samples, seconds = run.run(plan)
    except OSError as e:
        module.fail_json(
            msg=f"ca_file {params['ca_file']!r} cannot be used ({e}). Mend: give a PEM file that exists here"
        )
    summary = {"began": began, "base_url": site.base_url, **report.summarise(samples, seconds, plan.requests)}
    line = report.line(summary)
    faults = report.faults(summary, report.Limits(params["max_error_rate"], params["p95_limit_ms"]))
    result = {"changed": False, "report": summary, "faults": faults, "line": line}
    if faults and params["enforce"]:
        module.fail_json(msg=f"{site.base_url} does not stand the load: " + "; ".join(faults), **result)
    title = f"{site.base_url}, {plan.concurrency} at a time"
    module.exit_json(plot=plot.svg(title, f"{began}: {line}", samples, summary), **result)


if __name__ == "__main__":
    main()
