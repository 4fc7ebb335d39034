#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: elasticache_replication_group
version_added: 1.0.0
short_description: Manage an ElastiCache replication group
description:
  - Creates, modifies and deletes an ElastiCache replication group for Redis OSS or Valkey with cluster mode disabled,
    which is one primary and up to five replicas.
  - A property whose option is not set is left as it is.
  - Everything that ElastiCache would refuse and that can be known beforehand is reported at once, before anything is changed.
  - Changes that ElastiCache does not take in one request are made one after the other, each awaited, in an order that is allowed.
author:
  - The tiketi.platform developers (@tiketi)
options:
  state:
    description: Whether the replication group shall exist.
    type: str
    choices: [present, absent]
    default: present
  replication_group_id:
    description: Name of the replication group, at most 40 characters. It is turned into lower case, as ElastiCache does.
    type: str
    required: true
    aliases: [name, id]
  description:
    description: Description of the group. Required when the group does not exist yet.
    type: str
  engine:
    description: The engine. It cannot be changed by this module once the group exists.
    type: str
    choices: [redis, valkey]
  engine_version:
    description:
      - Version of the engine, as precise as wanted. V(7.0) is satisfied by 7.0.7.
      - Where minor versions are upgraded by AWS, a newer minor of the same major satisfies it too, V(7.0) by 7.1.
      - Any other downgrade is refused.
    type: str
  node_type:
    description: Node type of all members, for example V(cache.t4g.medium). Required when the group does not exist yet.
    type: str
  replica_count:
    description: Number of replicas beside the primary, 0 to 5. A new group has none unless it is set.
    type: int
  port:
    description: Port of the members. Fixed at creation.
    type: int
  parameter_group_name:
    description: Cache parameter group of the members.
    type: str
  subnet_group_name:
    description: Cache subnet group. Fixed at creation.
    type: str
  security_group_ids:
    description: Ids of the VPC security groups. The members get exactly these.
    type: list
    elements: str
  maintenance_window:
    description: Weekly window for maintenance in UTC, for example V(sun:05:00-sun:06:00).
    type: str
  snapshot_window:
    description: Daily window for the automatic snapshot in UTC, for example V(03:00-04:00).
    type: str
  snapshot_retention_limit:
    description: Days for which automatic snapshots are kept. V(0) switches them off.
    type: int
  snapshot_name:
    description: Snapshot to restore into a new group. Ignored once the group exists.
    type: str
  automatic_failover_enabled:
    description: Whether a replica takes over when the primary fails. Needs at least one replica.
    type: bool
  multi_az_enabled:
    description: Whether members are spread over availability zones. Needs O(automatic_failover_enabled=true).
    type: bool
  auto_minor_version_upgrade:
    description: Whether ElastiCache may upgrade the minor version in the maintenance window.
    type: bool
  notification_topic_arn:
    description: ARN of the SNS topic for notifications.
    type: str
  transit_encryption_mode:
    description:
      - Whether clients may, may not or must use TLS.
      - On an existing group the module takes the way that ElastiCache allows, from V(disabled) over V(preferred) to
        V(required) or back, and awaits each step. Engine 7.0.5 or newer is needed for that.
    type: str
    choices: [disabled, preferred, required]
  at_rest_encryption_enabled:
    description: Whether data on disk is encrypted. Fixed at creation.
    type: bool
  kms_key_id:
    description:
      - KMS key for the encryption at rest, by id, ARN or alias. Fixed at creation.
      - An alias is looked up, so that its key is compared.
    type: str
  auth_token:
    description:
      - The token that clients present. 16 to 128 letters, digits or any of V(!&#$^<>-).
      - Needs O(transit_encryption_mode=required).
      - ElastiCache never gives a token back, so it cannot be compared. See O(auth_token_version).
    type: str
  auth_token_version:
    description:
      - A name for the token that changes whenever the token does, and that says nothing about it, such as the version id of
        the secret in Secrets Manager.
      - It is kept in the tag C(AuthTokenVersion) of the group. The token is sent when the tag differs from this option.
      - The tag follows the token. A run that is interrupted between the two sends the same token once more, which is harmless.
      - A token changed by other means is not noticed. Neither is any change when this option is not set and the group
        already has a token, unless O(force_auth_token_update=true).
    type: str
  auth_token_update_strategy:
    description:
      - V(SET) leaves only the new token valid. Since ElastiCache sets only a token that it already knows, the module first
        adds it and then sets it. A group without a token requires it at once.
      - V(ROTATE) adds the new token and keeps the one before valid, so that clients can move. A later run with V(SET) and the
        same O(auth_token_version) then ends the validity of the old one.
      - V(ROTATE) on a group without a token leaves access without a token valid.
    type: str
    choices: [SET, ROTATE]
    default: SET
  force_auth_token_update:
    description: Send the token even if O(auth_token_version) does not call for it. Such a run always reports a change.
    type: bool
    default: false
  log_delivery:
    description: Logs to deliver. Exactly these are delivered; an empty list ends all delivery.
    type: list
    elements: dict
    suboptions:
      log_type:
        description: The log.
        type: str
        required: true
        choices: [slow-log, engine-log]
      destination_type:
        description: The service that takes the log.
        type: str
        choices: [cloudwatch-logs, kinesis-firehose]
        default: cloudwatch-logs
      destination:
        description: Name of the log group or of the delivery stream.
        type: str
        required: true
      log_format:
        description: Format of the entries.
        type: str
        choices: [json, text]
        default: json
  primary_cluster_id:
    description:
      - Member that shall be the primary.
      - With automatic failover and one replica this is done by a failover, without automatic failover by promotion.
        With automatic failover and more replicas ElastiCache chooses itself, and the option is refused.
    type: str
  apply_immediately:
    description:
      - Whether modifications are made now or in the maintenance window.
      - The number of replicas, transit encryption, the token and the primary are always changed now.
    type: bool
    default: true
  skip_final_snapshot:
    description: Whether to delete without a last snapshot.
    type: bool
    default: false
  final_snapshot_identifier:
    description: Name of the snapshot taken before deletion. Required with O(state=absent) unless O(skip_final_snapshot=true).
    type: str
  wait:
    description:
      - Whether to wait until the group is available, or gone. The first poll comes after one second, later ones up to five seconds apart.
      - Without waiting only the first of several steps is made, and a group that is busy is not compared. A warning says so.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait for each step. When they are over, the state of each member and the last events are reported.
    type: int
    default: 1800
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.tags
  - amazon.aws.boto3
  - tiketi.platform.attributes.changes
attributes:
  diff_mode:
    description: Shows the properties that differ. Of the token only its version is shown.
    support: full
seealso:
  - module: tiketi.platform.elasticache_replication_group_info
  - module: tiketi.platform.elasticache_parameter_group_values
"""

EXAMPLES = r"""
- name: Create a primary with one replica, TLS and a token
  tiketi.platform.elasticache_replication_group:
    replication_group_id: shop-prod-redis
    description: Sessions and queues of the shop
    engine: redis
    engine_version: "7.0"
    node_type: cache.t4g.medium
    replica_count: 1
    automatic_failover_enabled: true
    multi_az_enabled: true
    subnet_group_name: shop-prod-redis
    security_group_ids: [sg-0123456789abcdef0]
    transit_encryption_mode: required
    at_rest_encryption_enabled: true
    auth_token: "{{ (lookup('amazon.aws.secretsmanager_secret', 'shop/prod/redis-auth') | from_json).token }}"
    auth_token_version: 3f0c4a34-6d2e-4b63-9d11-0f3d5f1f2a10
    snapshot_retention_limit: 5
    tags:
      Project: shop
  no_log: true

- name: Add a new token and keep the old one valid
  tiketi.platform.elasticache_replication_group:
    replication_group_id: shop-prod-redis
    auth_token: "{{ new_token }}"
    auth_token_version: "2026-11"
    auth_token_update_strategy: ROTATE
  no_log: true

- name: Make the second member the primary
  tiketi.platform.elasticache_replication_group:
    replication_group_id: shop-prod-redis
    primary_cluster_id: shop-prod-redis-002

- name: Delete it and keep its data
  tiketi.platform.elasticache_replication_group:
    replication_group_id: shop-prod-redis
    state: absent
    final_snapshot_identifier: shop-prod-redis-final
"""

RETURN = r"""
actions:
  description: The steps that were made, or in check mode would be, in their order.
  returned: always
  type: list
  elements: str
  sample: ["increase replicas (replica_count: 1 -> 2)"]
replication_group:
  description:
    - The replication group as ElastiCache describes it after the run, with its tags.
    - Empty when the group does not exist.
  returned: always
  type: dict
  contains:
    arn:
      description: ARN of the group.
      type: str
      sample: arn:aws:elasticache:ap-northeast-2:123456789012:replicationgroup:shop-prod-redis
    auth_token_enabled:
      description: Whether a token is required.
      type: bool
    member_clusters:
      description: Names of the members.
      type: list
      elements: str
      sample: [shop-prod-redis-001, shop-prod-redis-002]
    node_groups:
      description: The shard with its endpoints and members.
      type: list
      elements: dict
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
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.api import RETRY, ElastiCache
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.apply import Runner
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.args import spec_from, spec_options
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.errors import AnsibleElastiCacheError
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.view import describe
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.wait import Waiter
from ansible_collections.tiketi.platform.plugins.module_utils._kms.alias import KmsError, resolved


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **spec_options(),
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "skip_final_snapshot": {"type": "bool", "default": False},
            "final_snapshot_identifier": {"type": "str"},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 1800},
        },
        mutually_exclusive=[["skip_final_snapshot", "final_snapshot_identifier"]],
        supports_check_mode=True,
    )
    params = module.params
    if params["state"] == "absent" and not (params["skip_final_snapshot"] or params["final_snapshot_identifier"]):
        module.fail_json(
            msg="state=absent needs final_snapshot_identifier, or skip_final_snapshot=true to lose the data"
        )
    try:
        api = ElastiCache(module.client("elasticache", retry_decorator=RETRY))
        runner = Runner(api, Waiter(api, params["wait_timeout"]), module.check_mode, params["wait"])
        key = resolved(params["kms_key_id"], lambda: module.client("kms", retry_decorator=RETRY))
        spec = spec_from({**params, "kms_key_id": key})
        name, snapshot = spec.replication_group_id, params["final_snapshot_identifier"]
        outcome = runner.present(spec) if params["state"] == "present" else runner.absent(name, snapshot)
        group = describe(api, name)
    except (AnsibleElastiCacheError, KmsError) as e:
        module.fail_json_aws_error(e)
    for warning in outcome.warnings:
        module.warn(warning)
    diff = {"before": outcome.before, "after": outcome.after}
    module.exit_json(changed=outcome.changed, actions=outcome.actions, diff=diff, replication_group=group)


if __name__ == "__main__":
    main()
