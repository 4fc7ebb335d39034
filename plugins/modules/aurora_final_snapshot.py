#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: aurora_final_snapshot
version_added: 1.0.0
short_description: Take the last snapshot of an Aurora cluster before it is deleted
description:
  - Waits until the cluster has no instance any more, so that nothing can write, takes the snapshot and waits until it is complete.
  - A snapshot of that name that was taken of another cluster, or before the last instance was gone, is an error.
  - One that an earlier run took after the last instance was gone is kept. It is known by its tag C(FinalOf), which holds the
    resource id of the cluster.
author:
  - The tiketi.platform developers (@tiketi)
options:
  db_cluster_snapshot_identifier:
    description: Name of the snapshot.
    type: str
    required: true
  timeout:
    description: Seconds to wait for the instances to go, and again for the snapshot.
    type: int
    default: 1800
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - tiketi.platform.aurora_cluster
attributes:
  check_mode:
    description: Only finds out whether the name of the snapshot can be used, while the instances still run too.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
seealso:
  - module: amazon.aws.rds_cluster
"""

EXAMPLES = r"""
- name: See whether the name is free, before anything is deleted
  tiketi.platform.aurora_final_snapshot:
    db_cluster_identifier: shop-prod-aurora
    db_cluster_snapshot_identifier: shop-prod-aurora-final
  check_mode: true

- name: Save the cluster once its instances are gone
  tiketi.platform.aurora_final_snapshot:
    db_cluster_identifier: shop-prod-aurora
    db_cluster_snapshot_identifier: shop-prod-aurora-final
"""

RETURN = r"""
snapshot:
  description: Name of the snapshot.
  returned: success
  type: str
  sample: shop-prod-aurora-final
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._rds.api import RDS, RETRY
from ansible_collections.tiketi.platform.plugins.module_utils._rds.errors import AuroraError
from ansible_collections.tiketi.platform.plugins.module_utils._rds.final_snapshot import Saver
from ansible_collections.tiketi.platform.plugins.module_utils._rds.wait import Waiter


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "db_cluster_identifier": {"type": "str", "required": True, "aliases": ["name", "id"]},
            "db_cluster_snapshot_identifier": {"type": "str", "required": True},
            "timeout": {"type": "int", "default": 1800},
        },
        supports_check_mode=True,
    )
    params = module.params
    snapshot = params["db_cluster_snapshot_identifier"].lower()
    try:
        api = RDS(module.client("rds", retry_decorator=RETRY))
        saver = Saver(api, Waiter(api, params["timeout"]), module.check_mode)
        changed = saver.save(params["db_cluster_identifier"].lower(), snapshot)
    except AuroraError as e:
        module.fail_json_aws_error(e)
    module.exit_json(changed=changed, snapshot=snapshot)


if __name__ == "__main__":
    main()
