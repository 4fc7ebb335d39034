#!/usr/bin/python
# Copyright: Contributors to the tiketi.platform collection
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Says how long a move of a Redis would take, before its target exists."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_migration_estimate
short_description: Say how long the move of a Redis would take
version_added: 1.1.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - Looks at every key of the source, by SCAN, and at what is written there for a second. Nothing is changed. The seconds are those of a simple
    model; once a target is there, M(tiketi.platform.redis_migration) knows better, and says what hinders the move, too.
extends_documentation_fragment:
  - tiketi.platform.redis.source
  - tiketi.platform.attributes.reads
"""

EXAMPLES = r"""
- name: Weigh the move
  tiketi.platform.redis_migration_estimate:
    source: {host: 127.0.0.1, password: "{{ old_password }}", tls: false}
    keys:
      - {keys: "cache:*", kind: cache}
"""

RETURN = r"""
message:
  description: The estimate in a sentence; in check mode, on a host that is not prepared yet, why there is none.
  returned: success
  type: str
estimate:
  description:
    - C(keys) and C(bytes) by what they are declared as; C(copy_seconds) of a pass and C(verify_seconds) of a comparison of everything while users work,
      and C(freeze_seconds) in which their commands wait. C(notices) names what makes the freeze long. Empty on a host that is not prepared yet.
  returned: success
  type: dict
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import weight
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.args import SOURCE_ARGUMENTS
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import Options, rules


def main() -> None:
    module = AnsibleModule(argument_spec=SOURCE_ARGUMENTS, supports_check_mode=True)
    given = module.params
    ca_file = given["source"]["ca_file"]
    if module.check_mode and ca_file and not Path(ca_file).exists():
        message = f"this host is not prepared yet ({ca_file} is missing), so nothing can be estimated"
        module.exit_json(changed=False, message=message, estimate={})
    try:
        options = Options(rules=rules(given["keys"], given["copy_cache"]))
        found = weight.weighed(endpoint("source", given["source"]), options)
    except RedisMoveError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, message=weight.words(found), estimate=found)


if __name__ == "__main__":
    main()
