"""No file of the repository may hold one of the insecure choices that this project exists to replace.

Sources: the guide's own choices and their replacements (K3s CLI docs on --write-kubeconfig-mode, redis-cli manual on -a,
ioredis README on TLS, AWS note on the expiry of rds-ca-2019, Kubernetes docs on image tags, CIS benchmarks).
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
OWN = Path(__file__).resolve().relative_to(ROOT).as_posix()

ANYWHERE = r"(\b0\.0\.0\.0/0|(?<![0-9a-f])::/0)"
INSIDE = r"\b(22|2379|6443|8472|10250)\b"  # SSH, etcd, the Kubernetes API, VXLAN, the kubelet

# Elsewhere one word is the name of an image that the inventory defines.
LIBRARY = "(alpine|busybox|debian|golang|haproxy|httpd|nginx|node|postgres|python|redis|registry|traefik|ubuntu|valkey)"

# name -> (pattern, why and what instead)
RULES: dict[str, tuple[str, str]] = {
    "kubeconfig readable by all": (
        r"write-kubeconfig-mode\W+0?[67]?[4-7][4-7]\b(?<!600)",
        "any local user becomes cluster admin; leave the default 0600",
    ),
    "well-known password": (r"(?i)\badmin123\b|changeme|password:\s*['\"]?(password|secret|postgres)\b", "generate it"),
    "token in argv": (
        r"redis-cli\b[^\n]*\s-a\s|--requirepass\s+\S|k3s (server|agent)\b[^\n]*--token[= ]",
        "use a file",
    ),
    "password in argv": (r"PGPASSWORD=\S+\s+(psql|pg_)|mysql\b[^\n]*\s-p\S", "use a password file 0600"),
    "password in an environment file": (
        r"^\s*(export\s+)?[A-Z_]*(PASSWORD|PASSWD|SECRET|TOKEN)=['\"]?[^\s'\"$<{%(*.]{3,}['\"]?\s*$",
        "it is in backups and in `docker inspect`; mount a file 0600 written from Secrets Manager",
    ),
    "API or SSH open to the internet": (
        rf"{INSIDE}[^\n]*{ANYWHERE}|{ANYWHERE}[^\n]*{INSIDE}|admin_cidrs\W+[^\n]*{ANYWHERE}",
        "allow a bastion, a VPN or named addresses",
    ),
    "server identity unchecked": (
        r"checkServerIdentity|rejectUnauthorized\W+false|InsecureSkipVerify:\s*true|_create_unverified_context"
        r"|verify\s*=\s*False|CERT_NONE|check_hostname\s*=\s*False|validate_certs:\s*(false|no)|curl\b[^\n]*([\s'\"]-[A-Za-z]*k[A-Za-z]*([\s'\",]|$)|--insecure)|--no-check-certificate",
        "verify, with the right CA file",
    ),
    "host key unchecked": (
        r"StrictHostKeyChecking\W+(no|accept-new|off)|host_key_checking\s*[=:]\s*(False|false|no)|UserKnownHostsFile\W+/dev/null",
        "take the host key from the console output",
    ),
    "expired certificate authority": (r"rds-ca-2019", "use the global bundle; rds-ca-2019 expired in August 2024"),
    "floating image": (
        rf"(image|FROM)\W+\S*:latest\b|\bimage:\s+['\"]?([a-z0-9.-]+(/[a-z0-9._-]+)+|{LIBRARY})['\"]?\s*$|^FROM\s+(?!scratch\b)[a-z0-9./-]+(\s+AS\s.*)?\s*$",
        "name a version or a digest",
    ),
    "script from the net into a shell": (
        r"(curl|wget)\b[^|\n]*\|\s*(sudo\s+)?(ba)?sh\b",
        "download, verify a pinned checksum, run",
    ),
    "TLS to the database without verification": (
        r"sslmode['\"]?\s*[=:]\s*['\"]?(disable|allow|prefer|require)\b",
        "verify-full with the CA file",
    ),
    "retired ingress controller": (r"registry\.k8s\.io/ingress-nginx", "ingress-nginx was retired in March 2026"),
    "world-writable": (r"mode:\s*['\"]?0?[0-7]?[0-7][2367][2367]['\"]?\s*$", "give the narrowest mode"),
}

# path (or its beginning) -> names of rules, each with the reason why the rule does not fit there
EXCEPTIONS: dict[str, dict[str, str]] = {
    "plugins/module_utils/_preflight/types.py": {"well-known password": "the list of placeholders that are refused"},
    "tests/unit/preflight/test_check.py": {
        "well-known password": "the placeholder that must be refused",
        "API or SSH open to the internet": "the ranges that must be refused",
    },
    "tests/integration/pg_migration/test_preflight.py": {
        "TLS to the database without verification": "the leg that is not verified must be named",
    },
    "tests/integration/postgres/test_pg_restore.py": {
        "TLS to the database without verification": "the leg that is not verified must be named",
    },
    "tests/unit/pg_migration/test_report.py": {
        "TLS to the database without verification": "the leg that is not verified must be named",
    },
    "examples/tiketi/database/": {"floating image": "FROM names a table there"},
    "sandbox/k3s_standin/k3s/join.py": {
        "server identity unchecked": "K3s fetches /cacerts before it knows the CA and then compares the hash of the K10 token"
    },
}


def _files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    skipped = (".lock", ".sum", ".pem", ".png", ".svg", ".tar")
    return [
        name
        for name in listed.stdout.splitlines()
        if name != OWN and not name.endswith(skipped) and (ROOT / name).is_file()
    ]


def findings(name: str, text: str) -> list[str]:
    """Lines of one file that break a rule, as `file:line: rule: what instead`."""
    found = []
    for rule, (pattern, instead) in RULES.items():
        if any(name.startswith(path) and rule in rules for path, rules in EXCEPTIONS.items()):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(pattern, line):
                found.append(f"{name}:{number}: {rule}: {instead}")
    return found


def test_no_insecure_choice_in_the_repository() -> None:
    found = [
        line
        for name in _files()
        for line in findings(name, (ROOT / name).read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("kubeconfig readable by all", "write-kubeconfig-mode: 644"),
        ("kubeconfig readable by all", "--write-kubeconfig-mode=0644"),
        ("well-known password", "adminPassword: admin123"),
        ("token in argv", "redis-cli -h x -a TOKEN ping"),
        ("token in argv", "k3s server --token abc"),
        ("password in argv", "PGPASSWORD=x psql"),
        ("password in an environment file", "DB_PASSWORD=hunter22"),
        ("password in an environment file", "export REDIS_AUTH_TOKEN='abc123def'"),
        ("API or SSH open to the internet", "- {proto: tcp, ports: [22, 6443], cidr_ip: 0.0.0.0/0}"),
        ("API or SSH open to the internet", "cidr_ip: '::/0', from_port: 6443"),
        ("API or SSH open to the internet", "network_admin_cidrs: [0.0.0.0/0]"),
        ("server identity unchecked", "tls: {rejectUnauthorized: false}"),
        ("server identity unchecked", "validate_certs: false"),
        ("server identity unchecked", "curl -s -k https://x"),
        ("server identity unchecked", "curl -fsSLk https://x"),
        ("server identity unchecked", "curl https://x -k"),
        ("server identity unchecked", '["curl", "-sk", "https://x"]'),
        ("server identity unchecked", "wget --no-check-certificate https://x"),
        ("host key unchecked", "-o StrictHostKeyChecking=no"),
        ("host key unchecked", "host_key_checking = False"),
        ("expired certificate authority", "rds-ca-2019-root.pem"),
        ("floating image", "image: nginx:latest"),
        ("floating image", "image: nginx"),
        ("floating image", "image: 'library/nginx'"),
        ("floating image", "FROM python:latest"),
        ("floating image", "FROM python"),
        ("floating image", "FROM docker.io/library/golang AS build"),
        ("script from the net into a shell", "curl -sfL https://get.k3s.io | sh -"),
        ("TLS to the database without verification", "sslmode=prefer"),
        ("TLS to the database without verification", "source_sslmode: require"),
        ("TLS to the database without verification", '{"sslmode": "require"}'),
        ("world-writable", "mode: '0666'"),
    ],
)
def test_each_rule_finds_what_it_is_for(rule: str, line: str) -> None:
    assert any(f": {rule}: " in found for found in findings("sample", line))


@pytest.mark.parametrize(
    "line",
    [
        "write-kubeconfig-mode: '0600'",
        "sslmode=verify-full",
        "StrictHostKeyChecking=yes",
        "mode: '0644'",
        "image: repo/app@sha256:abc",
        "redis-cli --askpass",
        "DB_PASSWORD_FILE=/run/secrets/db",
        "curl -sf --cacert ca.pem https://x -o k",
        "FROM python:3.11-slim AS build",
        "FROM scratch",
        "DB_PASSWORD=$DB_PASSWORD",
        "- {proto: tcp, ports: [443], cidr_ip: 0.0.0.0/0}",
        "- {proto: tcp, ports: [22, 6443], cidr_ip: 10.0.0.0/16}",
    ],
)
def test_secure_lines_pass(line: str) -> None:
    assert not findings("sample", line)


def test_every_exception_is_still_needed() -> None:
    unused = []
    for path, rules in EXCEPTIONS.items():
        texts = [
            (ROOT / name).read_text(encoding="utf-8", errors="replace") for name in _files() if name.startswith(path)
        ]
        for rule in rules:
            if not any(re.search(RULES[rule][0], line) for text in texts for line in text.splitlines()):
                unused.append(f"{path}: {rule}")
    assert not unused, f"exceptions without a finding: {unused}"
