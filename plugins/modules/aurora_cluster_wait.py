#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: aurora_cluster_wait
version_added: 1.0.0
short_description: Wait until an Aurora cluster and its instances are available
description:
  - Polls after one second and then up to two seconds apart, where C(amazon.aws.rds_cluster) and C(amazon.aws.rds_instance)
    wait a minute between two polls and for one object after the other.
  - Ends at once, with the events that RDS reported, when a status is reached from which no cluster recovers by itself; and
    with the command that starts it when the cluster is stopped.
author:
  - The tiketi.platform developers (@tiketi)
options:
  instances:
    description: Names of the instances that must be available too.
    type: list
    elements: str
    default: []
  changed:
    description:
      - Names of the cluster and of those instances that were just changed with immediate effect.
      - RDS calls them available for a while before the change begins, so nothing of them may be pending any more.
      - A change of others that waits for its maintenance window is not waited for.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait.
    type: int
    default: 1800
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - tiketi.platform.aurora_cluster
attributes:
  check_mode:
    description: Waits as well, since it changes nothing.
    support: full
  diff_mode:
    description: Nothing is changed.
    support: none
seealso:
  - module: tiketi.platform.aurora_cluster_info
"""

EXAMPLES = r"""
- name: Wait for writer and reader
  tiketi.platform.aurora_cluster_wait:
    db_cluster_identifier: shop-prod-aurora
    instances: [shop-prod-aurora-1, shop-prod-aurora-2]
    timeout: 1200
"""

RETURN = r"""
waited:
  description: Whether anything was not available at first.
  returned: success
  type: bool
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._rds.api import RDS, RETRY
from ansible_collections.tiketi.platform.plugins.module_utils._rds.errors import AuroraError
from ansible_collections.tiketi.platform.plugins.module_utils._rds.wait import Waiter


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "db_cluster_identifier": {"type": "str", "required": True, "aliases": ["name", "id"]},
            "instances": {"type": "list", "elements": "str", "default": []},
            "changed": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 1800},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        waiter = Waiter(RDS(module.client("rds", retry_decorator=RETRY)), params["timeout"])
        names = [name.lower() for name in params["instances"]]
        changed = [name.lower() for name in params["changed"]]
        waited = waiter.until_available(params["db_cluster_identifier"].lower(), names, changed)
    except AuroraError as e:
        module.fail_json_aws_error(e)
    module.exit_json(changed=False, waited=waited)


if __name__ == "__main__":
    main()
