"""The server: embedded etcd, the control plane, the supervisor, and the agent of its own node."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from . import controlplane, encryption, etcd, layout, log, network, node, secretbox, supervisor, tokens
from .agent import Agent, kubeconfig
from .api import ApiError, Client
from .cluster import Controller
from .config import Config, component_flags
from .join import JoinError, Supervisor
from .layout import Layout, private_directory, write
from .manifests import Deployer
from .pki import AUTHORITIES, Store
from .processes import ChildExitError, Processes, notify
from .snapshots import RESET_DONE, Snapshots

LEASES: Final = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
# What a joining server receives and what is kept in the datastore, sealed by the token.
BOOTSTRAP_FILES: Final = (
    *(f"tls/{name}.{suffix}" for name in AUTHORITIES for suffix in ("crt", "key")),
    "tls/service.key",
    "cred/encryption-config.json",
)


class Server:
    """One server of a cluster."""

    def __init__(self, config: Config, processes: Processes) -> None:
        if config.text("datastore-endpoint"):
            raise log.FatalError("datastore-endpoint: the stand-in has embedded etcd only")
        self.config = config
        self.processes = processes
        self.paths = Layout(Path(config.text("data-dir")))
        self.store = Store(self.paths.tls)
        self.node = node.name(config)
        self.address = node.address(config)
        self.url = f"https://127.0.0.1:{config.text('https-listen-port')}"
        self.token = self._token()
        self.agent_token = ""
        self.api = Client(
            "127.0.0.1",
            int(config.text("https-listen-port")),
            self.store.path("server-ca"),
            self.store.path("client-supervisor"),
            self.store.path("client-supervisor", "key"),
        )

    @property
    def clustered(self) -> bool:
        """Other servers may join; without cluster-init or server K3s has a datastore for itself alone."""
        marked = (self.paths.etcd / "clustered").exists()
        return marked or self.config.flag("cluster-init") or bool(self.config.text("server"))

    def _token(self) -> str:
        given = self.config.secret("token")
        kept = self.paths.server / "token"
        if given:
            return tokens.parse(given).password
        if kept.exists():
            return tokens.parse(kept.read_text()).password
        if self.config.text("server"):
            raise log.FatalError("--token is required")
        return secrets.token_hex(16)

    def bootstrap_files(self) -> dict[str, str]:
        found = {name: self.paths.server / name for name in BOOTSTRAP_FILES}
        return {name: path.read_text() for name, path in found.items() if path.exists()}

    def write_bootstrap_files(self, files: Mapping[str, str]) -> None:
        for name, content in files.items():
            if name in BOOTSTRAP_FILES:
                write(self.paths.server / name, content, 0o644 if name.endswith(".crt") else 0o600)

    def prepare(self) -> list[str]:
        """Own or fetch the cluster's authorities; return etcd's flags."""
        for directory in (self.paths.server, self.paths.tls, self.paths.cred, self.paths.database):
            private_directory(directory)
        self._leave_if_removed()
        joining = bool(self.config.text("server")) and not etcd.has_data(self.paths)
        remote = self._join() if joining else {}
        if not joining:
            self.store.make_authorities()
            if self.config.flag("secrets-encryption"):
                encryption.ensure(self.paths, self.config.text("secrets-encryption-provider"))
        controlplane.certificates(self.store, self.config, self.node, [self.address])
        etcd.certificates(self.store, self.node, [self.address])
        self._write_tokens()
        self._write_kubeconfigs()
        return self._etcd_flags(remote)

    def _leave_if_removed(self) -> None:
        if etcd.tombstone(self.paths).exists():
            if not self.config.text("server"):
                raise log.FatalError("this server has been removed from the cluster: server/db/etcd/tombstone is there")
            log.info("Removed member starts anew: moving its old datastore away")
            shutil.rmtree(f"{self.paths.etcd}-old", ignore_errors=True)
            self.paths.etcd.rename(f"{self.paths.etcd}-old")

    def _join(self) -> Mapping[str, Any]:
        joined = Supervisor(self.config.text("server"), tokens.parse(self.config.secret("token")), tokens.SERVER)
        try:
            remote: dict[str, Any] = joined.get_json("/v1-k3s/server-bootstrap")
        except JoinError as fault:
            raise log.FatalError(f"starting kubernetes: preparing server: {fault}") from fault
        local = self.critical()
        different = [name for name, value in remote["critical"].items() if local.get(name) != value]
        for name in sorted(different):
            log.warning(f"critical configuration mismatched: {name}")
        if different:
            raise log.FatalError(
                "starting kubernetes: preparing server: failed to validate server configuration: "
                "critical configuration value mismatch between servers"
            )
        self.write_bootstrap_files(remote["files"])
        return remote

    def critical(self) -> dict[str, Any]:
        own = self.config.secret("agent-token")
        return {**self.config.critical(), "agent-token": hashlib.sha256(own.encode()).hexdigest() if own else ""}

    def _write_tokens(self) -> None:
        authority = self.store.path("server-ca").read_bytes()
        own = self.config.secret("agent-token")
        self.agent_token = tokens.parse(own).password if own else ""
        server_token = self.paths.server / "token"
        write(server_token, tokens.secure(authority, tokens.SERVER, self.token) + "\n")
        agent_token = self.paths.server / "agent-token"
        node_token = self.paths.server / "node-token"
        agent_token.unlink(missing_ok=True)
        if self.agent_token:
            write(agent_token, tokens.secure(authority, tokens.NODE, self.agent_token) + "\n")
        else:
            agent_token.symlink_to(server_token)
        node_token.unlink(missing_ok=True)
        node_token.symlink_to(server_token)

    def _write_kubeconfigs(self) -> None:
        for name in ("admin", "controller", "scheduler"):
            content = self._kubeconfig(name)
            write(self.paths.cred / f"{name}.kubeconfig", content)
        path = Path(self.config.text("write-kubeconfig") or layout.KUBECONFIG)
        write(path, self._kubeconfig("admin"), int(self.config.text("write-kubeconfig-mode"), 8))
        if group := self.config.text("write-kubeconfig-group"):
            shutil.chown(path, group=group)

    def _kubeconfig(self, name: str) -> str:
        store = self.store
        return kubeconfig(
            self.url, store.path("server-ca"), store.path(f"client-{name}"), store.path(f"client-{name}", "key")
        )

    def _etcd_flags(self, remote: Mapping[str, Any]) -> list[str]:
        name = etcd.member_name(self.paths, self.node)
        wanted = etcd.flags(self.paths, self.store, name, self.address, self.clustered)
        if self.clustered:
            write(self.paths.etcd / "clustered", "")
        if remote:
            wanted["initial-cluster-state"] = "existing"
            wanted["initial-cluster"] = self._add_member(name, remote["etcd"])
        else:
            wanted["initial-cluster-state"] = "new"
            wanted["initial-cluster"] = f"{name}=https://{self.address}:{etcd.PEER_PORT}"
        return component_flags(wanted, self.config.values("etcd-arg"))

    def _add_member(self, name: str, endpoints: list[str]) -> str:
        if not endpoints:
            raise log.FatalError("etcd cluster join failed: the server has no managed etcd that others may join")
        cluster: list[str] = []

        def added() -> bool:
            for endpoint in endpoints:
                gateway = etcd.Gateway(self.store, endpoint)
                try:
                    plan = etcd.plan_join(gateway.members(), name, self.node, self.address)
                    if plan.add:
                        gateway.add_learner(self.address)
                except etcd.EtcdError as fault:
                    log.info(f"Waiting for other members to finish joining etcd cluster: {fault}")
                    continue
                cluster.append(plan.cluster)
                return True
            return False

        self.processes.wait_for(added, 120, "the etcd cluster to accept this member")
        return cluster[0]

    def reset(self, home: Path) -> None:
        """One member again: of the datastore on disk, or of a snapshot; then K3s ends and is started as ever."""
        flag = self.paths.database / "reset-flag"
        if flag.exists():
            raise log.FatalError(
                "Managed etcd cluster membership was already reset, restart without --cluster-reset. "
                f"To reset again, remove {flag}"
            )
        for directory in (self.paths.server, self.paths.database):
            private_directory(directory)
        self.store.make_authorities()
        etcd.certificates(self.store, self.node, [self.address])
        etcd.member_name(self.paths, self.node)
        if source := self.config.text("cluster-reset-restore-path"):
            kept = Snapshots(self.paths, self.store, home, self.config.text("etcd-snapshot-dir"))
            kept.restore(source, self.address)
        elif not etcd.has_data(self.paths):
            raise log.FatalError("cluster-reset: no etcd datastore on this server")
        name = etcd.member_name(self.paths, self.node)
        wanted = etcd.flags(self.paths, self.store, name, self.address, exposed=False)
        self.processes.start("etcd", component_flags({**wanted, "force-new-cluster": "true"}, []))
        gateway = etcd.Gateway(self.store)
        self.processes.wait_for(gateway.serves, 60, "etcd")
        self._restore_bootstrap_files(gateway)
        etcd.tombstone(self.paths).unlink(missing_ok=True)
        write(flag, "")
        log.info(RESET_DONE)

    def _restore_bootstrap_files(self, gateway: etcd.Gateway) -> None:
        """On a fresh host the authorities are those of the datastore, which only the token of that time opens."""
        found = gateway.read(f"{secretbox.PREFIX}/")
        if not found:
            return
        sealed = found.get(secretbox.key_name(self.token))
        files = secretbox.unseal(self.token, sealed) if sealed else None
        if files is None:
            raise log.FatalError("bootstrap data already found and encrypted with different token")
        self.write_bootstrap_files(files)

    def check_bootstrap_data(self) -> None:
        """The datastore belongs to the token it was started with."""
        gateway = etcd.Gateway(self.store)
        found = gateway.read(f"{secretbox.PREFIX}/")
        own = secretbox.key_name(self.token)
        if own not in found and found:
            raise log.FatalError("bootstrap data already found and encrypted with different token")
        if own not in found or secretbox.unseal(self.token, found[own]) != self.bootstrap_files():
            gateway.put(own, secretbox.seal(self.token, self.bootstrap_files()))

    def authority(self) -> supervisor.Authority:
        node_config = {
            "clusterCIDR": self.config.text("cluster-cidr"),
            "serviceCIDR": self.config.text("service-cidr"),
            "clusterDNS": self.config.values("cluster-dns"),
            "clusterDomain": self.config.text("cluster-domain"),
        }
        return supervisor.Authority(
            self.store, self.api, self.token, self.agent_token, node_config, self._server_bootstrap, self._api_servers
        )

    def _server_bootstrap(self) -> dict[str, Any]:
        endpoints: list[str] = []
        if self.clustered:
            members = etcd.Gateway(self.store).members()
            endpoints = [f"https://{m.address}:{etcd.CLIENT_PORT}" for m in members if m.name and not m.learner]
        return {"files": self.bootstrap_files(), "critical": self.critical(), "etcd": endpoints}

    def _api_servers(self) -> list[str]:
        nodes = self.api.get("/api/v1/nodes?labelSelector=node-role.kubernetes.io/control-plane")["items"]
        addresses = [address for item in nodes for address in item["status"].get("addresses", [])]
        return [f"{item['address']}:6443" for item in addresses if item["type"] == "InternalIP"]

    def start_apiserver(self) -> None:
        flags = controlplane.apiserver(self.config, self.store, self.paths, self.address)
        self.processes.start("kube-apiserver", flags, controlplane.ENVIRONMENT)

    def start_controllers(self) -> None:
        start = self.processes.start
        self.processes.wait_for(self.api.ready, 180, "the API server")
        self._release_leases()
        start("kube-controller-manager", controlplane.controller_manager(self.config, self.store, self.paths))
        start("kube-scheduler", controlplane.scheduler(self.config, self.paths))

    def start_cluster_loops(self, home: Path) -> None:
        controller = Controller(self.api, self.store, self.paths, self.node, self.address, self.clustered)
        controller.service_balancer = not self.config.disabled("servicelb")
        controller.start()
        Deployer(self.config, self.paths, home, self.node).start()

    def _release_leases(self) -> None:
        """A lease held by an earlier process of this host is held by nobody: waiting for its end gains nothing."""
        for name in ("kube-controller-manager", "kube-scheduler"):
            try:
                lease = self.api.find(f"{LEASES}/{name}")
                holder = (lease or {}).get("spec", {}).get("holderIdentity") or ""
                if holder.rpartition("_")[0] == _hostname():
                    self.api.request("DELETE", f"{LEASES}/{name}")
            except (ApiError, OSError) as fault:
                log.warning(f"lease {name}: {fault}")


def _hostname() -> str:
    return Path("/proc/sys/kernel/hostname").read_text().strip()


def run(config: Config, processes: Processes, home: Path) -> None:
    """`k3s server`."""
    server = Server(config, processes)
    try:
        _run(server, config, processes, home)
    except ChildExitError as fault:
        if fault.name == "etcd" and etcd.REMOVED in fault.words:
            write(etcd.tombstone(server.paths), "")
            raise log.FatalError("this server has been removed from the cluster: its etcd member is gone") from fault
        raise


def _run(server: Server, config: Config, processes: Processes, home: Path) -> None:
    agent = Agent(config, server.paths, processes, server.url)
    if config.flag("cluster-reset"):
        server.reset(home)
        return
    (server.paths.database / "reset-flag").unlink(missing_ok=True)
    etcd_flags = server.prepare()
    network.keep_inside(config.text("service-cidr"))
    processes.start("etcd", etcd_flags)
    if not config.flag("disable-agent"):
        agent.start_runtime()
    supervisor.serve(server.authority(), layout.SUPERVISOR_SOCKET)
    joining = "--initial-cluster-state=existing" in etcd_flags
    if not joining:
        # It waits for etcd by itself; only a learner's datastore may stay shut for long.
        server.start_apiserver()
    processes.wait_for(etcd.Gateway(server.store).serves, 300, "etcd")
    server.check_bootstrap_data()
    if joining:
        server.start_apiserver()
    server.start_controllers()
    log.info("Kube API server is now running")
    token = tokens.Token(server.token, tokens.SERVER)
    if not config.flag("disable-agent"):
        agent.start(Supervisor(server.url, token, tokens.SERVER), home / "pause.tar")
    server.start_cluster_loops(home)
    log.info("k3s is up and running")
    notify("READY=1")
    processes.supervise()
