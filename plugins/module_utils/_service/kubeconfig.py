"""A kubeconfig to a client of the API, by the `kubernetes` package; what that would let pass in silence is refused here.

The package takes two seconds to import, so that it is only imported where a cluster is really asked.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import KubeconfigError

_RETRIES = 4
_BACKOFF = 0.5
_TRANSIENT = (408, 429, 500, 502, 503, 504)


class _Said(logging.Handler):
    """Collects the messages of the package."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def _heard() -> Iterator[list[str]]:
    """The package logs why a credential plugin failed, and then goes on without credentials."""
    said = _Said()
    logging.getLogger().addHandler(said)
    try:
        yield said.messages
    finally:
        logging.getLogger().removeHandler(said)


def _retries() -> Any:
    """Wait passing troubles out; every request of ours can be repeated without harm. A wrong certificate does not pass."""
    from urllib3.util import Retry  # noqa: PLC0415

    return Retry(
        total=_RETRIES,
        other=0,
        backoff_factor=_BACKOFF,
        status_forcelist=_TRANSIENT,
        allowed_methods=None,
        raise_on_status=False,
    )


def _refuse_unsafe(configuration: Any, where: str) -> None:
    if not str(configuration.host).startswith("https://"):
        raise KubeconfigError(f"{where}: the server {configuration.host!r} is not an https address")
    if not configuration.verify_ssl:
        raise KubeconfigError(f"{where} asks not to verify the server; name its certificate-authority instead")


def _tls(configuration: Any) -> ssl.SSLContext:
    """Read the certificates now, so that a spoilt one is told before anything is asked."""
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    # K3s, kubeadm and EKS issue CAs without extensions that Python 3.13 insists upon.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


def _client(api_client: Any, tls: ssl.SSLContext) -> Any:
    # The package makes its connections by urllib3 and has no setting for a context of TLS.
    settings = api_client.rest_client.pool_manager.connection_pool_kw
    for replaced in ("ca_certs", "cert_file", "key_file"):
        settings.pop(replaced)
    settings["ssl_context"] = tls
    return api_client


def load(path: str, context: str = "") -> Any:
    """Return an `ApiClient` for a context (by default the current one) of a kubeconfig file."""
    where = f"kubeconfig {path}"
    try:
        from kubernetes import client, config  # noqa: PLC0415
    except ImportError as error:
        raise KubeconfigError(
            f"the Python package kubernetes cannot be imported: {error}. Mend: install it beside Ansible on the controller"
        ) from error
    configuration = client.Configuration()
    configuration.retries = _retries()
    with _heard() as messages:
        try:
            config.load_kube_config(
                path, context=context or None, client_configuration=configuration, persist_config=False
            )
            tls = _tls(configuration)
        except Exception as error:
            # Besides its own errors the package lets those of YAML, base64 and the file system through.
            raise KubeconfigError(f"{where} cannot be used: {error}") from error
    _refuse_unsafe(configuration, where)
    if not configuration.api_key and not configuration.cert_file:
        why = "; ".join(messages) or "its user has neither token nor certificate"
        raise KubeconfigError(f"{where} gives no credentials: {why}")
    return _client(client.ApiClient(configuration), tls)
