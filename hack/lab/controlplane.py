"""The control plane: how its components are called, and one for tests on loopback.

The argument lists serve both the lab's machines and the tests, so that what is
tested against is what is run. `ControlPlane` is an API server and its etcd alone:
no node, no controllers; a test plays their part.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from hack.lab import audit
from hack.lab.certificates import Authority, Credential, write_kubeconfig

SERVICE_RANGE = "10.96.0.0/16"
# The first address of the range: the Service `kubernetes`.
SERVICE_ADDRESS = "10.96.0.1"
API_SERVER_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
PR_SET_PDEATHSIG = 1
AUDIT_POLICY = Path(__file__).parent / "machine_root/audit-policy.yaml"


def component_command(component: str) -> list[str]:
    """The start of a component's command line.

    From the folder KUBEBUILDER_ASSETS (as setup-envtest fills it) where that is set,
    else from the lab's one binary that holds them all.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets:
        program = Path(assets) / component
        if not program.exists():
            raise FileNotFoundError(
                f"KUBEBUILDER_ASSETS is {assets}, but there is no {component} in it;"
                " fill it with setup-envtest, or unset it to use the lab's own binaries"
            )
        return [str(program)]
    from hack.lab.binaries import binary  # noqa: PLC0415  (builds on first use; not needed with assets)

    return [str(binary("kubelite")), component]


def etcd_arguments(data_dir: Path, client_url: str, peer_url: str) -> list[str]:
    """For one etcd member. It never syncs to disk: losing it with the machine is fine, waiting is not."""
    return [
        f"--data-dir={data_dir}",
        "--name=lab",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=lab={peer_url}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def apiserver_arguments(
    authority: Authority,
    serving: Credential,
    *,
    etcd_url: str,
    cert_dir: Path,
    advertise_address: str,
    kubelet_client: Credential,
) -> list[str]:
    """For the API server, on port 6443 of every address unless the caller adds --secure-port, --bind-address.

    `kubelet_client` is how it shows itself to kubelets (logs, exec).
    """
    return [
        f"--etcd-servers={etcd_url}",
        f"--advertise-address={advertise_address}",
        f"--cert-dir={cert_dir}",
        f"--client-ca-file={authority.certificate}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--kubelet-client-certificate={kubelet_client.certificate}",
        f"--kubelet-client-key={kubelet_client.key}",
        f"--service-account-key-file={authority.service_account_key}",
        f"--service-account-signing-key-file={authority.service_account_key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--kubelet-preferred-address-types=InternalIP",
        "--allow-privileged=true",
    ]


def audit_arguments(policy: Path, log: Path) -> list[str]:
    """For the API server: what it writes down, and where; six files of 50 MB besides the one it writes."""
    return [
        f"--audit-policy-file={policy}",
        f"--audit-log-path={log}",
        "--audit-log-maxsize=50",
        "--audit-log-maxbackup=6",
    ]


def controller_manager_arguments(authority: Authority, kubeconfig: Path, cert_dir: Path) -> list[str]:
    """For the controller manager; it stands alone, so it doesn't elect a leader."""
    return [
        f"--kubeconfig={kubeconfig}",
        f"--service-account-private-key-file={authority.service_account_key}",
        f"--root-ca-file={authority.certificate}",
        f"--cluster-signing-cert-file={authority.certificate}",
        f"--cluster-signing-key-file={authority.key}",
        f"--cert-dir={cert_dir}",
        "--use-service-account-credentials",
        "--leader-elect=false",
    ]


def scheduler_arguments(kubeconfig: Path, cert_dir: Path) -> list[str]:
    """For the scheduler; it stands alone, so it doesn't elect a leader."""
    return [f"--kubeconfig={kubeconfig}", f"--cert-dir={cert_dir}", "--leader-elect=false"]


@dataclass
class _Component:
    """One process that dies with us."""

    name: str
    arguments: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [*component_command(self.name), *self.arguments]
        with self.log.open("ab") as log:
            self.process = spawn_bound(command, log)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def require_alive(self) -> None:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended; the end of its log:\n{self.tail()}")

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


class ControlPlane:
    """An API server and its etcd on free loopback ports, in a temporary directory that goes with them."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="vvc-controlplane-"))
        self.authority = Authority.ensure(self.directory / "pki")
        self.admin = self.authority.issue("admin", common_name="admin", organization="system:masters")
        serving = self.authority.issue(
            "apiserver", common_name="kube-apiserver", hosts=("127.0.0.1", SERVICE_ADDRESS, *API_SERVER_NAMES)
        )
        client_port, peer_port, self.port = _free_ports(3)
        self.server = f"https://127.0.0.1:{self.port}"
        self.kubeconfig = write_kubeconfig(
            self.directory / "admin.kubeconfig", self.server, self.authority, self.admin
        )
        client_url = f"http://127.0.0.1:{client_port}"
        self._etcd = _Component(
            "etcd",
            etcd_arguments(self.directory / "etcd", client_url, f"http://127.0.0.1:{peer_port}"),
            self.directory / "etcd.log",
        )
        self._apiserver = _Component(
            "kube-apiserver",
            [
                *apiserver_arguments(
                    self.authority,
                    serving,
                    etcd_url=client_url,
                    cert_dir=self.directory / "apiserver",
                    advertise_address="127.0.0.1",
                    kubelet_client=self.admin,
                ),
                *audit_arguments(AUDIT_POLICY, self.directory / "audit" / audit.FILE),
                f"--secure-port={self.port}",
                "--bind-address=127.0.0.1",
                # With no controllers there are no service accounts, and pods could not be created.
                "--disable-admission-plugins=ServiceAccount",
                # The Service `kubernetes` may not point at loopback, and nothing needs it.
                "--endpoint-reconciler-type=none",
            ],
            self.directory / "apiserver.log",
        )

    def __enter__(self) -> ControlPlane:
        try:
            self._etcd.start()
            self.start_apiserver()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends both processes and removes their directory."""
        self._apiserver.kill()
        self._etcd.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def kubeconfig_for(self, user: str, organization: str | None = None) -> Path:
        """A kubeconfig for a user of this name, who may do what RBAC binds to it and nothing else."""
        credential = self.authority.issue(user, common_name=user, organization=organization)
        return write_kubeconfig(
            self.directory / f"{user}.kubeconfig", self.server, self.authority, credential
        )

    def start_etcd(self) -> None:
        """Starts etcd again on the data it had."""
        self._etcd.start()

    def stop_etcd(self) -> None:
        """Ends etcd; the API server stays up and answers with errors."""
        self._etcd.kill()

    def start_apiserver(self, timeout: float = 60) -> None:
        """Starts the API server on the same port and waits until it says it is ready; seconds."""
        self._apiserver.start()
        self.wait_ready(timeout)

    def kill_apiserver(self) -> None:
        """Ends the API server at once, as a crash would: connections are reset."""
        self._apiserver.kill()

    def wait_ready(self, timeout: float = 60) -> None:
        """Until /readyz says ok and the namespace `default` exists."""
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        context.load_cert_chain(self.admin.certificate, self.admin.key)
        deadline = time.monotonic() + timeout
        for path in ("/readyz", "/api/v1/namespaces/default"):
            while not _answers(self.server + path, context):
                self._etcd.require_alive()
                self._apiserver.require_alive()
                if time.monotonic() > deadline:
                    raise TimeoutError(
                        f"the API server was not ready within {timeout:.0f} s;"
                        f" the end of its log:\n{self._apiserver.tail()}"
                    )
                time.sleep(0.05)


def _answers(url: str, context: ssl.SSLContext) -> bool:
    try:
        with urllib.request.urlopen(url, context=context, timeout=5):
            return True
    except OSError:
        return False


def _free_ports(count: int) -> list[int]:
    """Loopback ports nothing listens on now; all held until the last is found, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


def spawn_bound(command: list[str], log: BinaryIO) -> subprocess.Popen[bytes]:
    """A process that Linux kills when the thread that started it ends, however it ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def die_with_parent() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    # A group of its own, so that Ctrl-C in a terminal reaches the test, which then ends these in order.
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        process_group=0,
        preexec_fn=die_with_parent,  # noqa: PLW1509  (no thread but the test's own starts processes)
    )
