#!/usr/bin/python
# Copyright: the developers of tiketi.platform
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Module: bring services to a Kubernetes cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_deploy
version_added: 1.0.0
author: The developers of tiketi.platform
short_description: Bring services to a Kubernetes cluster, and undo what does not become ready
description:
  - Renders every object of every service and applies all of them by server-side apply with the field manager C(tiketi.platform).
  - Everything is tried without effect first, so that what the cluster would refuse is told before anything is touched.
  - Runs the migrations of the services and waits for them, then waits for all rollouts together.
  - A service that does not become ready is undone to the last revision that serves, and the module fails with the reason.
  - Deletes the objects of services that are no longer given. Only objects with its own labels are ever overwritten or deleted.
  - Talks to the API by the Python package C(kubernetes) on the host that runs the module, as C(kubernetes.core.k8s) does, but does in one
    run what would take a task an object.
options:
  kubeconfig:
    description: The kubeconfig of the cluster, on the host that runs the module. The server is always verified.
    type: path
    required: true
  context:
    description: The context of the kubeconfig; without it the current one.
    type: str
  namespace:
    description: The namespace, made when missing, with the restricted pod security standard enforced.
    type: str
    required: true
  project:
    description: The name that the objects are labelled with. Objects of another project are left alone.
    type: str
    required: true
  services:
    description: The definitions of the services, as the lookup P(tiketi.platform.services#lookup) gives them.
    type: list
    elements: dict
    required: true
  images:
    description: References by digest, by the name that the services use.
    type: dict
    default: {}
  ingress:
    description: How the paths of the services are reached from outside.
    type: dict
    suboptions:
      class_name:
        description: The ingress class.
        type: str
      host:
        description: The host name to answer to; without it any.
        type: str
      tls_secret:
        description: The name of a TLS Secret of the namespace for the host name.
        type: str
      annotations:
        description: Annotations of the ingress objects.
        type: dict
        default: {}
  callers:
    description: Who may reach the services over the network, beside the services that name each other.
    type: dict
    suboptions:
      namespaces:
        description: Namespaces, such as that of the ingress controller.
        type: list
        elements: str
        default: []
      cidrs:
        description: Networks, such as that of a load balancer outside of the cluster.
        type: list
        elements: str
        default: []
  database:
    description: The database that services with C(database=true) use.
    type: dict
    suboptions:
      host:
        description: Its host name.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        default: 5432
      name:
        description: The name of the database.
        type: str
        required: true
      secret:
        description: The name of its secret, a key of O(secrets), with the keys C(username) and C(password).
        type: str
        required: true
      ca_file:
        description: The certificates to verify the server with, a file on the host that runs the module.
        type: path
        required: true
  redis:
    description: The Redis that services with C(redis=true) use.
    type: dict
    suboptions:
      host:
        description: Its host name.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        default: 6379
      secret:
        description: The name of its secret, a key of O(secrets), with the key C(token).
        type: str
        required: true
      tls:
        description: Whether the connection is encrypted.
        type: bool
        default: true
      ca_file:
        description: The certificates to verify the server with; empty where the trust store of the image has them.
        type: path
  store_cidrs:
    description: The networks of the database and of Redis, opened to the services that use them.
    type: list
    elements: str
    default: []
  secrets:
    description: The content of each secret, by its whole name in Secrets Manager.
    type: dict
    default: {}
  secret_prefix:
    description: What stands before the secret names of the services.
    type: str
    default: ""
  metrics:
    description: Whether the cluster measures its pods, which an autoscaler needs.
    type: bool
    default: true
  render_dir:
    description: A folder to write the rendered YAML to. Secrets are never written.
    type: path
  timeout:
    description: How many seconds migrations may take, and a rollout may stand still. A longer limit of a service counts for that service.
    type: int
    default: 300
  prune:
    description: Whether our objects that are no longer rendered are deleted.
    type: bool
    default: true
  undo:
    description: Whether a service that does not become ready goes back to the last revision that serves.
    type: bool
    default: true
  progress_file:
    description: A file to append lines to while waiting. The action plugin of the same name shows them.
    type: path
attributes:
  check_mode:
    description: Compares by a dry run on the server. Where the namespace does not exist yet, all objects count as new.
    support: full
  diff_mode:
    description: Shows each object before and after. The values of Secrets are masked.
    support: full
requirements:
  - kubernetes >= 33
  - PyYAML
"""

EXAMPLES = r"""
- name: Deploy the services of a stage
  tiketi.platform.service_deploy:
    kubeconfig: /run/stage/kubeconfig
    namespace: shop
    project: shop
    services: "{{ query('tiketi.platform.services', 'services') }}"
    images:
      shop: registry.example/shop@sha256:{{ digest }}
    ingress:
      class_name: traefik
    callers:
      namespaces: [kube-system]
    render_dir: /run/stage/rendered
"""

RETURN = r"""
objects:
  description: The names of the objects that were C(created), C(updated) and C(deleted), and the number of those C(unchanged).
  returned: always, except when the input was refused
  type: dict
  sample: {created: [], updated: [Deployment/event], deleted: [Secret/event-2f1c9a03d4], unchanged: 47}
rendered:
  description: The files of O(render_dir) that changed.
  returned: always, except when the input was refused
  type: list
  elements: str
services:
  description: Name, image, replicas and paths of each service.
  returned: success
  type: list
  elements: dict
lost:
  description: The services that did not become ready, with the reason and whether they were undone.
  returned: when a rollout failed
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import RolloutError, ServiceError
from ansible_collections.tiketi.platform.plugins.module_utils._service.run import hide_only_secrets, run

_DATABASE = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 5432},
    "name": {"type": "str", "required": True},
    "secret": {"type": "str", "required": True, "no_log": False},
    "ca_file": {"type": "path", "required": True},
}
_REDIS = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 6379},
    "secret": {"type": "str", "required": True, "no_log": False},
    "tls": {"type": "bool", "default": True},
    "ca_file": {"type": "path"},
}
_INGRESS = {
    "class_name": {"type": "str"},
    "host": {"type": "str"},
    "tls_secret": {"type": "str", "no_log": False},
    "annotations": {"type": "dict", "default": {}},
}
_CALLERS = {
    "namespaces": {"type": "list", "elements": "str", "default": []},
    "cidrs": {"type": "list", "elements": "str", "default": []},
}
ARGUMENTS = {
    "kubeconfig": {"type": "path", "required": True},
    "context": {"type": "str"},
    "namespace": {"type": "str", "required": True},
    "project": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "dict", "required": True},
    "images": {"type": "dict", "default": {}},
    "ingress": {"type": "dict", "options": _INGRESS},
    "callers": {"type": "dict", "options": _CALLERS},
    "database": {"type": "dict", "options": _DATABASE},
    "redis": {"type": "dict", "options": _REDIS},
    "store_cidrs": {"type": "list", "elements": "str", "default": []},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "secret_prefix": {"type": "str", "default": "", "no_log": False},
    "metrics": {"type": "bool", "default": True},
    "render_dir": {"type": "path"},
    "timeout": {"type": "int", "default": 300},
    "prune": {"type": "bool", "default": True},
    "undo": {"type": "bool", "default": True},
    "progress_file": {"type": "path"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.no_log_values = hide_only_secrets(module.no_log_values, module.params)
    try:
        module.exit_json(**run(module.params, module.check_mode, module._diff))
    except RolloutError as error:
        module.fail_json(msg=str(error), **error.result)
    except ServiceError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
