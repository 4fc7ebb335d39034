#!/usr/bin/python
# Copyright: (c) 2026, The tiketi.platform developers
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: foundation_info
short_description: Compare the network, the identity and the hosts of a stage with what AWS has
version_added: 1.0.0
description:
  - Reads every object of the roles C(network), C(identity) and C(ec2_host) in one process and lists each one that is
    not as desired. The roles act only when that list is not empty, so that a run that changes nothing takes seconds.
  - Never changes anything.
author:
  - The tiketi.platform developers
options:
  network:
    description: The inputs of the role C(network).
    type: dict
    suboptions:
      project: {description: Project tag., type: str, required: true}
      stage: {description: Stage tag., type: str, required: true}
      cidr: {description: Range of the VPC., type: str, required: true}
      zones: {description: Zones to use; the first three on offer when empty., type: list, elements: str, default: []}
      egress: {description: Way out of the private subnets., type: str, choices: [nat, endpoints, none], default: nat}
      nat_per_zone: {description: One NAT gateway in each zone instead of one., type: bool, default: false}
      admin_cidrs: {description: Who reaches SSH and the Kubernetes API., type: list, elements: str, default: []}
      web_cidrs: {description: Who reaches ports 80 and 443., type: list, elements: str, default: []}
      edge_port: {description: Port of the hosts that CloudFront reaches; 0 for none., type: int, default: 0}
      store_client_group_ids: {description: Further groups that reach the data stores., type: list, elements: str, default: []}
      store_client_stages: {description: Other stages whose hosts reach the data stores., type: list, elements: str, default: []}
      data_sources: {description: Stores of other stages reach PostgreSQL on the hosts., type: bool, default: false}
      data_stage: {description: Stage whose stores the hosts use; empty for this one., type: str, default: ""}
  identity:
    description: The inputs of the role C(identity).
    type: dict
    suboptions:
      project: {description: Project tag., type: str, required: true}
      stage: {description: Stage tag., type: str, required: true}
      policies: {description: ARNs of managed policies., type: list, elements: str, required: true}
  hosts:
    description: The inputs of the role C(ec2_host).
    type: dict
    suboptions:
      project: {description: Project tag., type: str, required: true}
      stage: {description: Stage tag., type: str, required: true}
      hosts: {description: 'One entry for each host: name, instance_type, subnet_tier, root_gib.', type: list, elements: dict, required: true}
      known: {description: Names of all inventory hosts whose keys are to be listed., type: list, elements: str, default: []}
      found: {description: Instance ids that the inventory found by name; they say which of two namesakes of other stages is meant., type: dict, default: {}}
      profile: {description: Name of the instance profile., type: str, required: true}
      public_key: {description: The SSH public key., type: str, required: true}
      subnets: {description: Subnet ids by tier., type: dict, required: true}
      security_group_ids: {description: The groups of the hosts., type: list, elements: str, required: true}
      image_id: {description: AMI; resolved from O(hosts.image_parameter) when empty., type: str, default: ""}
      image_parameter: {description: Public SSM parameter that holds an AMI id., type: str, default: ""}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - tiketi.platform.attributes.reads
"""

EXAMPLES = r"""
- name: Look at the network
  tiketi.platform.foundation_info:
    region: ap-northeast-2
    network:
      project: tiketi
      stage: k3s
      cidr: 10.0.0.0/16
"""

RETURN = r"""
drift:
  description: What is not as desired.
  returned: always
  type: list
  elements: dict
  sample: [{object: NAT gateway tiketi-nat-a, is: absent, want: present}]
desired:
  description: Each desired object by name, with its id where it exists.
  returned: always
  type: dict
facts:
  description: The fact C(network_facts); ids are empty where the object does not exist.
  returned: with O(network)
  type: dict
instances:
  description: Living instances by inventory name.
  returned: with O(hosts)
  type: dict
known_hosts:
  description: The verified SSH host keys, one line a host.
  returned: with O(hosts)
  type: str
notes:
  description: Hosts that differ in what only a new instance can change; default routes that stay although this stage wants none.
  returned: with O(network) and O(hosts)
  type: list
  elements: str
"""

from contextlib import suppress

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.errors import FoundationError
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.look import (
    look_at_hosts,
    look_at_identity,
    look_at_network,
)

with suppress(ImportError):  # AnsibleAWSModule reports it
    from botocore.exceptions import BotoCoreError, ClientError


def _text(**more: object) -> dict[str, object]:
    return {"type": "str", **more}


def _texts(**more: object) -> dict[str, object]:
    return {"type": "list", "elements": "str", **more}


def argument_spec() -> dict[str, dict[str, object]]:
    stage = {"project": _text(required=True), "stage": _text(required=True)}
    network = {
        **stage,
        "cidr": _text(required=True),
        "zones": _texts(default=[]),
        "egress": _text(choices=["nat", "endpoints", "none"], default="nat"),
        "nat_per_zone": {"type": "bool", "default": False},
        "admin_cidrs": _texts(default=[]),
        "web_cidrs": _texts(default=[]),
        "edge_port": {"type": "int", "default": 0},
        "store_client_group_ids": _texts(default=[]),
        "store_client_stages": _texts(default=[]),
        "data_sources": {"type": "bool", "default": False},
        "data_stage": _text(default=""),
    }
    hosts = {
        **stage,
        "hosts": {"type": "list", "elements": "dict", "required": True},
        "known": _texts(default=[]),
        "found": {"type": "dict", "default": {}},
        "profile": _text(required=True),
        "public_key": _text(required=True, no_log=False),
        "subnets": {"type": "dict", "required": True},
        "security_group_ids": _texts(required=True),
        "image_id": _text(default=""),
        "image_parameter": _text(default=""),
    }
    return {
        "network": {"type": "dict", "options": network},
        "identity": {"type": "dict", "options": {**stage, "policies": _texts(required=True)}},
        "hosts": {"type": "dict", "options": hosts},
    }


def main() -> None:
    sections = ["network", "identity", "hosts"]
    module = AnsibleAWSModule(
        argument_spec=argument_spec(),
        supports_check_mode=True,
        required_one_of=[sections],
        mutually_exclusive=[sections],
    )
    try:
        if module.params["network"]:
            result = look_at_network(module.client("ec2"), module.region, module.params["network"])
        elif module.params["identity"]:
            result = look_at_identity(module.client("iam"), module.params["identity"])
        else:
            result = look_at_hosts(module.client("ec2"), module.client("ssm"), module.params["hosts"])
    except FoundationError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg="Cannot read the account")
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
