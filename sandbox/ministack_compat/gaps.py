"""The list of gaps, in the order in which they wrap MiniStack's functions."""

from __future__ import annotations

from types import ModuleType

from sandbox.ministack_compat import (
    cache_endpoint_names,
    cluster_log_exports,
    cluster_parameters,
    console_output,
    container_volumes,
    engine_defaults,
    instance_groups,
    instance_metadata,
    instance_resolver,
    instance_seed,
    launch_template_metadata,
    network_interfaces,
    origin_transport,
    prefix_lists,
    run_instances_template,
    tls_front,
)

ALL: tuple[ModuleType, ...] = (
    network_interfaces,
    instance_metadata,
    instance_groups,
    run_instances_template,  # after the interface and the metadata: they must see the template's values as if they had been sent
    launch_template_metadata,
    instance_seed,
    instance_resolver,
    console_output,
    container_volumes,
    engine_defaults,
    cluster_parameters,
    cluster_log_exports,
    cache_endpoint_names,
    origin_transport,
    prefix_lists,
    tls_front,
)
