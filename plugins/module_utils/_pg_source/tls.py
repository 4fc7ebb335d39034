"""Certificates: one authority for this server alone, made and checked by openssl on the host. Keys never leave files of mode 0600."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import Tls
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.place import Done, run

CA_DAYS = 3650
SERVER_DAYS = 825
RENEW_SECONDS = 30 * 86400
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
CA_CONFIG = """
[req]
distinguished_name = name
x509_extensions = authority
prompt = no
utf8 = yes
[name]
CN = {name}
[authority]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
"""
SERVER_CONFIG = """
[req]
distinguished_name = name
prompt = no
utf8 = yes
[name]
CN = {name}
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


def is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _openssl(*words: str) -> Done:
    return run(["openssl", *words])


def _must(doing: str, *words: str) -> str:
    done = _openssl(*words)
    if done.code:
        raise PgError(f"{doing}: openssl said {done.said}")
    return done.out


def _config(folder: Path, text: str) -> str:
    path = folder / "openssl.cnf"
    path.write_text(text, encoding="utf-8")
    return str(path)


def ensure_authority(folder: Path, name: str) -> None:
    """`ca.key` and `ca.pem` in a private folder; a new pair when the old one nears its end."""
    key, certificate = folder / "ca.key", folder / "ca.pem"
    if key.exists() and certificate.exists():
        lasting = _openssl("x509", "-noout", "-checkend", str((SERVER_DAYS + 30) * 86400), "-in", str(certificate))
        if lasting.code == 0:
            return
    with tempfile.TemporaryDirectory(dir=folder) as work:
        config = _config(Path(work), CA_CONFIG.format(name=name))
        made = [str(Path(work) / "ca.key"), str(Path(work) / "ca.pem")]
        _must(
            "the authority",
            "req",
            "-x509",
            *EC,
            "-config",
            config,
            "-days",
            str(CA_DAYS),
            "-keyout",
            made[0],
            "-out",
            made[1],
        )
        os.chmod(made[0], 0o600)
        os.replace(made[0], key)
        os.replace(made[1], certificate)


def issue(folder: Path, names: Sequence[str]) -> tuple[str, str]:
    """A server certificate and its key, as PEM. Nothing of it stays on the host."""
    listed = ",".join(f"{'IP' if is_address(name) else 'DNS'}:{name}" for name in names)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        config = _config(Path(work), SERVER_CONFIG.format(name=names[0][:64], names=listed))
        key, request, certificate = (str(Path(work) / one) for one in ("server.key", "server.csr", "server.crt"))
        _must("the server's key", "req", "-new", *EC, "-config", config, "-keyout", key, "-out", request)
        authority = [
            "-CA",
            str(folder / "ca.pem"),
            "-CAkey",
            str(folder / "ca.key"),
            "-set_serial",
            str(int.from_bytes(os.urandom(15), "big")),
        ]
        extensions = ["-extfile", config, "-extensions", "server", "-days", str(SERVER_DAYS)]
        _must(
            "the server's certificate",
            "x509",
            "-req",
            "-sha256",
            "-in",
            request,
            *authority,
            *extensions,
            "-out",
            certificate,
        )
        return Path(certificate).read_text(encoding="utf-8"), Path(key).read_text(encoding="utf-8")


def good(folder: Path, certificate: str, names: Sequence[str]) -> bool:
    """Whether a certificate is signed by our authority, bears every name, and will for a while."""
    if not (folder / "ca.pem").exists():
        return False
    with tempfile.TemporaryDirectory(dir=folder) as work:
        path = Path(work) / "server.crt"
        path.write_text(certificate, encoding="utf-8")
        if _openssl("x509", "-noout", "-checkend", str(RENEW_SECONDS), "-in", str(path)).code:
            return False
        for name in names:
            option = "-verify_ip" if is_address(name) else "-verify_hostname"
            if _openssl("verify", "-CAfile", str(folder / "ca.pem"), option, name, str(path)).code:
                return False
    return True


def check_given(folder: Path, tls: Tls) -> None:
    """A key of another certificate would keep the server from starting."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        certificate, key = Path(work) / "server.crt", Path(work) / "server.key"
        certificate.write_text(tls.certificate, encoding="utf-8")
        key.touch(mode=0o600)
        key.write_text(tls.key, encoding="utf-8")
        ours = _must("tls.certificate", "x509", "-noout", "-pubkey", "-in", str(certificate))
        if (
            ours.strip()
            != _must(
                "tls.key (it must not have a passphrase)", "pkey", "-pubout", "-passin", "pass:", "-in", str(key)
            ).strip()
        ):
            raise PgError("tls.key is not the key of tls.certificate. Mend: give the pair")
        if _openssl("x509", "-noout", "-checkend", "86400", "-in", str(certificate)).code:
            raise PgError("tls.certificate ends within a day or has ended. Mend: give a new one")
