#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: elasticache_replication_group_info
version_added: 1.0.0
short_description: Look at ElastiCache replication groups, and compare one with what is wanted
description:
  - Describes one replication group or all of a region.
  - With O(compare) it also reads the subnet group, the parameter group and the version of the token's secret, all in one
    process, and lists what differs. Nothing is changed, and no secret is read.
author:
  - The tiketi.platform developers (@tiketi)
options:
  replication_group_id:
    description: Name of the replication group. All of the region are described without it.
    type: str
    aliases: [name, id]
  compare:
    description: What is wanted. Parts that are not given are not compared.
    type: dict
    suboptions:
      replication_group:
        description: Options of M(tiketi.platform.elasticache_replication_group) that describe the group.
        type: dict
        required: true
      subnet_group:
        description: The cache subnet group.
        type: dict
        suboptions:
          name:
            description: Name of the group.
            type: str
            required: true
          subnet_ids:
            description: Ids of its subnets, exactly.
            type: list
            elements: str
            required: true
      parameter_group:
        description: Options of M(tiketi.platform.elasticache_parameter_group_values).
        type: dict
      auth_token_secret:
        description:
          - Name of the secret in Secrets Manager that holds the token. The id of its current version is compared with the
            version of the token that the group has.
        type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - tiketi.platform.attributes.compares
seealso:
  - module: tiketi.platform.elasticache_replication_group
"""

EXAMPLES = r"""
- name: Look at one replication group
  tiketi.platform.elasticache_replication_group_info:
    replication_group_id: shop-prod-redis
  register: redis

- name: See what differs from the plan
  tiketi.platform.elasticache_replication_group_info:
    compare:
      replication_group:
        replication_group_id: shop-prod-redis
        replica_count: 1
      subnet_group:
        name: shop-prod-redis
        subnet_ids: [subnet-aaaa1111, subnet-bbbb2222]
      auth_token_secret: shop/prod/redis-auth
  register: redis
"""

RETURN = r"""
replication_groups:
  description: The groups found, as ElastiCache describes them, each with its tags.
  returned: always
  type: list
  elements: dict
  contains:
    replication_group_id:
      description: Name of the group.
      type: str
      sample: shop-prod-redis
    status:
      description: Status of the group.
      type: str
      sample: available
    tags:
      description: Tags of the group.
      type: dict
differences:
  description: What differs, by part. A part without differences is an empty list.
  returned: with O(compare)
  type: dict
  contains:
    subnet_group:
      description: Differences of the subnet group.
      type: list
      elements: str
    parameter_group:
      description: Differences of the parameter group.
      type: list
      elements: str
    replication_group:
      description: Differences of the replication group.
      type: list
      elements: str
differs:
  description: Whether anything differs.
  returned: with O(compare)
  type: bool
status:
  description: Status of the compared group. V(absent) when it does not exist.
  returned: with O(compare)
  type: str
  sample: available
current:
  description: The compared properties as they are, under the names of the options. Empty when the group does not exist.
  returned: with O(compare)
  type: dict
endpoints:
  description: Where clients connect. The hosts are empty while the group has no primary.
  returned: with O(compare)
  type: dict
  contains:
    host:
      description: Address of the primary.
      type: str
    port:
      description: Port of the members.
      type: int
    reader_host:
      description: Address for reads.
      type: str
auth_token_version:
  description: Id of the current version of the secret. Empty when the secret does not exist.
  returned: with O(compare.auth_token_secret)
  type: str
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache import look
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.api import RETRY, ElastiCache
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.errors import AnsibleElastiCacheError
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.secret import current_version
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.view import snake
from ansible_collections.tiketi.platform.plugins.module_utils._kms.alias import KmsError, resolved

COMPARE_OPTIONS: dict[str, Any] = {
    "replication_group": {"type": "dict", "required": True},
    "subnet_group": {
        "type": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "subnet_ids": {"type": "list", "elements": "str", "required": True},
        },
    },
    "parameter_group": {"type": "dict"},
    "auth_token_secret": {"type": "str", "no_log": False},
}


def compare(module: AnsibleAWSModule, api: ElastiCache, wanted: dict[str, Any]) -> dict[str, Any]:
    secret = wanted["auth_token_secret"]
    group = wanted["replication_group"]
    if group.get("kms_key_id"):
        group["kms_key_id"] = resolved(group["kms_key_id"], lambda: module.client("kms", retry_decorator=RETRY))
    version = current_version(module.client("secretsmanager", retry_decorator=RETRY), secret) if secret else None
    result = look.compare(api, wanted, version)
    return result if secret is None else {**result, "auth_token_version": version or ""}


def diff_of(differences: dict[str, list[str]]) -> dict[str, str]:
    lines = [f"{part.replace('_', ' ')}: {line}" for part, found in differences.items() for line in found]
    return {"before": "", "after": "".join(f"{line}\n" for line in lines)}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "replication_group_id": {"type": "str", "aliases": ["name", "id"]},
            "compare": {"type": "dict", "options": COMPARE_OPTIONS},
        },
        mutually_exclusive=[["replication_group_id", "compare"]],
        supports_check_mode=True,
    )
    params = module.params
    try:
        api = ElastiCache(module.client("elasticache", retry_decorator=RETRY))
        if params["compare"]:
            result = compare(module, api, params["compare"])
            module.exit_json(changed=False, diff=diff_of(result["differences"]), **result)
        name = params["replication_group_id"]
        raw = [api.describe_group(name.lower())] if name else api.list_groups()
        groups = [snake(one, api.tags(one["ARN"])) for one in raw if one]
    except (AnsibleElastiCacheError, KmsError) as e:
        module.fail_json_aws_error(e)
    module.exit_json(changed=False, replication_groups=groups)


if __name__ == "__main__":
    main()
