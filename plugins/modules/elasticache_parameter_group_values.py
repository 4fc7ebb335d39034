#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: elasticache_parameter_group_values
version_added: 1.0.0
short_description: Manage an ElastiCache parameter group and values in it, for any family
description:
  - Creates, changes and deletes a cache parameter group. Unlike M(community.aws.elasticache_parameter_group) it takes every
    family that AWS offers, such as V(redis7) and V(valkey8), and supports check mode and diff mode.
  - Parameters that O(values) does not name stay as they are.
author:
  - The tiketi.platform developers (@tiketi)
options:
  state:
    description: Whether the parameter group shall exist.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the parameter group.
    type: str
    required: true
  family:
    description: Family of the group, for example V(redis7). Fixed at creation. Required with O(state=present).
    type: str
  description:
    description: Description of the group, used at creation. The default is the name.
    type: str
  values:
    description: Parameters and their values. A name that the family does not know is refused.
    type: dict
    default: {}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.tags
  - amazon.aws.boto3
  - tiketi.platform.attributes.changes
attributes:
  diff_mode:
    description: Shows the values that differ.
    support: full
seealso:
  - module: tiketi.platform.elasticache_replication_group
"""

EXAMPLES = r"""
- name: Never evict a key
  tiketi.platform.elasticache_parameter_group_values:
    name: shop-prod-redis7
    family: redis7
    values:
      maxmemory-policy: noeviction
"""

RETURN = r"""
parameter_group:
  description: The group after the run. Empty when it does not exist.
  returned: always
  type: dict
  contains:
    name:
      description: Name of the group.
      type: str
      sample: shop-prod-redis7
    family:
      description: Family of the group.
      type: str
      sample: redis7
    arn:
      description: ARN of the group.
      type: str
    values:
      description: The parameters that O(values) names, as they are set.
      type: dict
      sample: {"maxmemory-policy": "noeviction"}
    tags:
      description: Tags of the group.
      type: dict
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache import parameter_group
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.api import RETRY, ElastiCache
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.errors import AnsibleElastiCacheError


def present(module: AnsibleAWSModule, api: ElastiCache) -> dict[str, Any]:
    spec = parameter_group.spec_from(module.params)
    current = parameter_group.read(api, spec.name)
    steps = parameter_group.plan(current, spec)
    if steps and not module.check_mode:
        parameter_group.apply(api, spec, steps)
    have = {} if current is None else current.values
    before = {name: have[name] for name in steps.values if name in have}
    shown = parameter_group.view(parameter_group.read(api, spec.name), list(spec.values))
    return {"changed": bool(steps), "diff": {"before": before, "after": steps.values}, "parameter_group": shown}


def absent(module: AnsibleAWSModule, api: ElastiCache) -> dict[str, Any]:
    name = module.params["name"]
    exists = api.describe_parameter_group(name) is not None
    if exists and not module.check_mode:
        api.delete_parameter_group(name)
    return {"changed": exists, "diff": {"before": {"name": name} if exists else {}, "after": {}}, "parameter_group": {}}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str", "required": True},
            "family": {"type": "str"},
            "description": {"type": "str"},
            "values": {"type": "dict", "default": {}},
            "tags": {"type": "dict", "aliases": ["resource_tags"]},
            "purge_tags": {"type": "bool", "default": True},
        },
        required_if=[["state", "present", ["family"]]],
        supports_check_mode=True,
    )
    try:
        api = ElastiCache(module.client("elasticache", retry_decorator=RETRY))
        result = present(module, api) if module.params["state"] == "present" else absent(module, api)
    except AnsibleElastiCacheError as e:
        module.fail_json_aws_error(e)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
