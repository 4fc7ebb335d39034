#!/usr/bin/python
# Copyright: (c) 2026, The tiketi.platform developers
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: generated_secret
short_description: Make secrets once, with random content, in AWS Secrets Manager
version_added: 1.0.0
description:
  - Ensures that each secret exists and holds the declared keys as a JSON object. A key that is missing gets a random value;
    a value that is there is never changed, except a constant declared with C(current=true), and keys that are not declared stay.
  - Values are made inside AWS's reach only, are never returned, and are never part of a diff.
author:
  - The tiketi.platform developers
options:
  secrets:
    description: The secrets.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name in Secrets Manager.
        type: str
        required: true
      keys:
        description:
          - Keys of the JSON object. Each is a dictionary, either C(value) for a constant that is not secret (such as a user name), with
            C(current=true) one that follows its declaration (such as an address), or
            C(length) and C(alphabet) (V(alphanumeric), V(hex), or V(redis) for a token that ElastiCache takes) for a random value.
        type: dict
        required: true
  kms_key_id:
    description: Key that encrypts new secrets; the account's own C(aws/secretsmanager) when empty.
    type: str
    default: ""
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - tiketi.platform.tags
  - tiketi.platform.attributes.changes
attributes:
  diff_mode:
    description: Shows the names of keys and the tags, never what a key holds.
    support: full
"""

EXAMPLES = r"""
- name: Make the secrets of the stage
  tiketi.platform.generated_secret:
    region: ap-northeast-2
    secrets:
      - name: tiketi/k3s/app-database
        keys:
          username: {value: tiketi_app}
          password: {length: 40, alphabet: alphanumeric}
"""

RETURN = r"""
secrets:
  description: What was done to which secret, without values.
  returned: success
  type: list
  elements: dict
  sample: [{name: tiketi/k3s/redis-auth, created: true, added: [token]}]
"""

from contextlib import suppress

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.tiketi.platform.plugins.module_utils._secret.api import SecretsManager
from ansible_collections.tiketi.platform.plugins.module_utils._secret.errors import SecretError
from ansible_collections.tiketi.platform.plugins.module_utils._secret.model import parse
from ansible_collections.tiketi.platform.plugins.module_utils._secret.plan import diff, plan

with suppress(ImportError):  # AnsibleAWSModule reports it
    from botocore.exceptions import BotoCoreError, ClientError


def argument_spec() -> dict[str, dict[str, object]]:
    secret = {
        "name": {"type": "str", "required": True},
        "keys": {"type": "dict", "required": True, "no_log": False},
    }
    return {
        "secrets": {"type": "list", "elements": "dict", "required": True, "options": secret, "no_log": False},
        "tags": {"type": "dict", "default": {}},
        "kms_key_id": {"type": "str", "default": "", "no_log": False},
    }


def main() -> None:
    module = AnsibleAWSModule(argument_spec=argument_spec(), supports_check_mode=True)
    try:
        wanted = parse(module.params["secrets"])
        store = SecretsManager(module.client("secretsmanager"), module.params["kms_key_id"])
        current = store.read([secret.name for secret in wanted])
        actions = plan(current, wanted, module.params["tags"])
        if not module.check_mode:
            for action in actions:
                store.apply(action, current)
    except SecretError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg="Secrets Manager refused")
    done = [{"name": a.name, "created": a.create, "added": [shape.key for shape in a.add]} for a in actions]
    module.exit_json(changed=bool(actions), secrets=done, diff=diff(current, actions))


if __name__ == "__main__":
    main()
