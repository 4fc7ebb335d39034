#!/usr/bin/python
# Copyright: (c) 2026, The tiketi.platform developers
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_host_keys
short_description: Learn the SSH host keys of new EC2 instances from their consoles
version_added: 1.0.0
description:
  - Waits until cloud-init has printed the host keys on the console of each instance, which only AWS can have read, and stores
    the ed25519 key as the tag C(SshHostKey). From then on the first connection can be verified by anyone who may read the tags.
  - A tag that is there is never replaced. Remove it by hand when a host got new keys on purpose.
author:
  - The tiketi.platform developers
options:
  instances:
    description: Instance ids by inventory name.
    type: dict
    required: true
  timeout:
    description: Seconds to wait for all of them. Without Nitro, AWS shows a console only minutes later.
    type: int
    default: 300
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: Waits for no console and stores no tag.
    support: full
  diff_mode:
    description: There is no text to compare.
    support: none
"""

EXAMPLES = r"""
- name: Learn the host keys
  tiketi.platform.ec2_host_keys:
    region: ap-northeast-2
    instances:
      server-1: i-0123456789abcdef0
"""

RETURN = r"""
keys:
  description: Host keys by inventory name, as C(<type> <base64>).
  returned: success
  type: dict
"""

from contextlib import suppress

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._ec2_host.wait import Ec2Consoles, await_keys

with suppress(ImportError):  # AnsibleAWSModule reports it
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "instances": {"type": "dict", "required": True},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    instances: dict[str, str] = module.params["instances"]
    if module.check_mode:
        module.exit_json(changed=bool(instances), keys={})
    consoles = Ec2Consoles(module.client("ec2"))
    try:
        outcome = await_keys(consoles, instances, module.params["timeout"])
        for name, key in outcome.keys.items():
            consoles.keep(instances[name], key)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg="Cannot read the consoles of the instances")
    if outcome.missing:
        reasons = "\n".join(f"{name}: {why}" for name, why in sorted(outcome.missing.items()))
        module.fail_json(
            msg=f"No verified SSH host key, so these hosts are not connected to:\n{reasons}\n"
            "Mend: use an image whose cloud-init prints its host keys, or raise ec2_host_key_timeout and run again.",
            keys=outcome.keys,
        )
    module.exit_json(changed=bool(outcome.keys), keys=outcome.keys)


if __name__ == "__main__":
    main()
