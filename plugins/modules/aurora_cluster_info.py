#!/usr/bin/python
# Copyright: The tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: aurora_cluster_info
version_added: 1.0.0
short_description: Look at an Aurora cluster and what is around it, and compare it with what is wanted
description:
  - Reads the cluster, its instances, subnet group and parameter group in one process, and lists what differs from the wish.
  - Resolves the wanted engine version to one that AWS offers, and says so when the wanted one is retired.
  - Checks that the CA certificates, with which clients verify the cluster, are readable and valid.
  - What cannot be reached by a change is an error that names every such property.
  - Nothing is changed.
author:
  - The tiketi.platform developers (@tiketi)
options:
  engine_version:
    description:
      - The wanted version. The newest of the same major is taken when AWS offers it no longer, or when only the major is given.
      - A cluster that runs this or a newer version of the same major is left as it is.
    type: str
    required: true
  cluster:
    description: Properties of the cluster. One that is not set is not compared.
    type: dict
    required: true
    suboptions:
      engine:
        description: The engine.
        type: str
        default: aurora-postgresql
      port:
        description: Port of the cluster.
        type: int
      master_username:
        description: Name of the master user.
        type: str
      database_name:
        description: Name of the first database.
        type: str
      storage_encrypted:
        description: Whether the storage is encrypted.
        type: bool
      kms_key_id:
        description: Key of the encryption, by id, ARN or alias. An alias is looked up, so that its key is compared.
        type: str
      deletion_protection:
        description: Whether deletion is refused.
        type: bool
      backup_retention_period:
        description: Days for which backups are kept.
        type: int
      preferred_backup_window:
        description: Daily window for the backup in UTC.
        type: str
      preferred_maintenance_window:
        description: Weekly window for maintenance in UTC.
        type: str
      copy_tags_to_snapshot:
        description: Whether snapshots get the tags of the cluster.
        type: bool
  security_group_ids:
    description: Ids of the security groups, exactly.
    type: list
    elements: str
    required: true
  log_exports:
    description: Logs that are exported to CloudWatch, exactly.
    type: list
    elements: str
    default: []
  subnet_group_name:
    description: Name of the DB subnet group.
    type: str
    required: true
  subnet_ids:
    description: Ids of the subnets in the DB subnet group, exactly.
    type: list
    elements: str
    required: true
  parameter_group_name:
    description: Name of the DB cluster parameter group.
    type: str
    required: true
  parameter_family:
    description: Family of the DB cluster parameter group, for example V(aurora-postgresql15).
    type: str
    required: true
  parameters:
    description: Parameters in the group and their values. Others are not compared.
    type: dict
    default: {}
  instances:
    description: Names of the instances. Others in the cluster are named in RV(messages) and left alone.
    type: list
    elements: str
    required: true
  instance:
    description: Properties of each instance. One that is not set is not compared.
    type: dict
    required: true
    suboptions:
      db_instance_class:
        description: Class of the instance.
        type: str
      auto_minor_version_upgrade:
        description: Whether AWS may upgrade the minor version.
        type: bool
      publicly_accessible:
        description: Whether the instance has a public address.
        type: bool
      ca_certificate_identifier:
        description: CA of the server certificate.
        type: str
  tags:
    description:
      - Tags of the cluster, its parameter group and its instances. Other tags are not compared.
      - The C(Name) of an instance is its own name.
    type: dict
    default: {}
  ca_file:
    description: File with the CA certificates in PEM form. Expired ones are warned of; a file without a valid one is an error.
    type: path
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - tiketi.platform.attributes.compares
  - tiketi.platform.aurora_cluster
seealso:
  - module: amazon.aws.rds_cluster
  - module: amazon.aws.rds_instance
  - module: tiketi.platform.aurora_cluster_wait
"""

EXAMPLES = r"""
- name: See what differs
  tiketi.platform.aurora_cluster_info:
    db_cluster_identifier: shop-prod-aurora
    engine_version: "15.4"
    cluster:
      deletion_protection: true
      backup_retention_period: 7
    security_group_ids: [sg-0123456789abcdef0]
    subnet_group_name: shop-prod-aurora
    subnet_ids: [subnet-aaaa1111, subnet-bbbb2222]
    parameter_group_name: shop-prod-aurora-15
    parameter_family: aurora-postgresql15
    parameters:
      rds.force_ssl: "1"
    instances: [shop-prod-aurora-1, shop-prod-aurora-2]
    instance:
      db_instance_class: db.t4g.medium
  register: aurora
"""

RETURN = r"""
differences:
  description: What differs, by part. A part without differences is empty.
  returned: always
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
    cluster:
      description: Differences of the cluster.
      type: list
      elements: str
      sample: ["backup_retention_period: 1 -> 7"]
    instances:
      description: Differences of the instances by their names.
      type: dict
differs:
  description: Whether anything differs.
  returned: always
  type: bool
status:
  description: Status of the cluster. V(absent) when it does not exist.
  returned: always
  type: str
  sample: available
ready:
  description: Whether the cluster and all its instances are available.
  returned: always
  type: bool
engine_version:
  description: The version that the wanted one resolves to.
  returned: always
  type: str
  sample: "15.10"
messages:
  description: What a person should know, such as a retired version or a pending reboot.
  returned: always
  type: list
  elements: str
endpoints:
  description: Where clients connect. The hosts are empty while there is no cluster.
  returned: always
  type: dict
  contains:
    host:
      description: Address of the writer.
      type: str
    reader_host:
      description: Address for reads.
      type: str
    port:
      description: Port of the cluster.
      type: int
    name:
      description: Name of the first database.
      type: str
"""

from pathlib import Path
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._kms.alias import KmsError, resolved
from ansible_collections.tiketi.platform.plugins.module_utils._rds import ca
from ansible_collections.tiketi.platform.plugins.module_utils._rds.api import RDS, RETRY
from ansible_collections.tiketi.platform.plugins.module_utils._rds.args import info_options, wish_from
from ansible_collections.tiketi.platform.plugins.module_utils._rds.errors import AuroraError, FaultyWishError
from ansible_collections.tiketi.platform.plugins.module_utils._rds.look import look


def check_ca(module: AnsibleAWSModule, path: str) -> None:
    try:
        pem = Path(path).read_bytes()
    except OSError as e:
        raise FaultyWishError([f"the CA file {path} cannot be read ({e.strerror}): set its path"]) from e
    faults, warnings = ca.check(path, pem)
    if faults:
        raise FaultyWishError(faults)
    for warning in warnings:
        module.warn(warning)


def main() -> None:
    module = AnsibleAWSModule(argument_spec=info_options(), supports_check_mode=True)
    try:
        if module.params["ca_file"]:
            check_ca(module, module.params["ca_file"])
        cluster = module.params["cluster"]
        cluster["kms_key_id"] = resolved(cluster["kms_key_id"], lambda: module.client("kms", retry_decorator=RETRY))
        result: dict[str, Any] = look(RDS(module.client("rds", retry_decorator=RETRY)), wish_from(module.params))
    except (AuroraError, KmsError) as e:
        module.fail_json_aws_error(e)
    differs = any(result["differences"].values())
    diff = {"before": "", "after": "".join(f"{line}\n" for line in result.pop("lines"))}
    module.exit_json(changed=False, differs=differs, diff=diff, **result)


if __name__ == "__main__":
    main()
