"""Certificates and kubeconfigs for a cluster of our own.

One authority signs everything: API server, kubelets and every client. Kubernetes
reads who a client is from its certificate: the common name is the user, each
organization a group (`system:masters` may do everything). Keys are P-256: they
are made in milliseconds, and every Kubernetes component takes them.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALIDITY = datetime.timedelta(days=3650)
# Clocks of virtual machines lag after a suspend; a certificate from the future is refused.
BACKDATED = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Credential:
    """A certificate and its key, both PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """An authority in a directory: ca.crt, ca.key, and sa.key, which signs service account tokens."""

    directory: Path

    @classmethod
    def ensure(cls, directory: Path) -> Authority:
        """The authority in this directory, made if it is not there yet."""
        directory.mkdir(parents=True, exist_ok=True)
        authority = cls(directory)
        if not authority.service_account_key.exists():
            _write(authority.service_account_key, _key_pem(ec.generate_private_key(ec.SECP256R1())))
        if not authority.certificate.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            name = _name("lab-ca", None)
            builder = _builder(name, name, key.public_key(), key.public_key())
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
            certificate = builder.sign(key, hashes.SHA256())
            _write(authority.key, _key_pem(key))
            _write(authority.certificate, certificate.public_bytes(serialization.Encoding.PEM))
        return authority

    @property
    def certificate(self) -> Path:
        """The certificate everyone trusts."""
        return self.directory / "ca.crt"

    @property
    def key(self) -> Path:
        """The key that signs certificates."""
        return self.directory / "ca.key"

    @property
    def service_account_key(self) -> Path:
        """The key that signs and verifies service account tokens."""
        return self.directory / "sa.key"

    def issue(
        self, name: str, *, common_name: str, organization: str | None = None, hosts: tuple[str, ...] = ()
    ) -> Credential:
        """A certificate for a client or a server: `<name>.crt`, `<name>.key`; made once, then only returned.

        `hosts` are the DNS names and IP addresses a server answers to.
        """
        credential = Credential(self.directory / f"{name}.crt", self.directory / f"{name}.key")
        if credential.certificate.exists() and credential.key.exists():
            return credential
        key = ec.generate_private_key(ec.SECP256R1())
        authority_key = serialization.load_pem_private_key(self.key.read_bytes(), password=None)
        if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self.key} is no elliptic-curve key; delete {self.directory} and run again")
        issuer = x509.load_pem_x509_certificate(self.certificate.read_bytes()).subject
        subject = _name(common_name, organization)
        builder = _builder(subject, issuer, key.public_key(), authority_key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if hosts:
            names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(authority_key, hashes.SHA256())
        _write(credential.key, _key_pem(key))
        _write(credential.certificate, certificate.public_bytes(serialization.Encoding.PEM))
        return credential


def write_kubeconfig(path: Path, server: str, authority: Authority, credential: Credential) -> Path:
    """A kubeconfig with everything embedded, so that it works wherever it is copied to. Mode 0600."""

    def embedded(file: Path) -> str:
        return base64.b64encode(file.read_bytes()).decode()

    cluster = {"server": server, "certificate-authority-data": embedded(authority.certificate)}
    user = {
        "client-certificate-data": embedded(credential.certificate),
        "client-key-data": embedded(credential.key),
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "lab", "cluster": cluster}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "user"}}],
        "current-context": "lab",
    }
    _write(path, yaml.safe_dump(document, sort_keys=False).encode())
    return path


def _name(common_name: str, organization: str | None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization is not None:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - BACKDATED).not_valid_after(now + VALIDITY)
    # Python 3.13 verifies strictly and refuses certificates without these two.
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key)
    return builder.add_extension(identifier, critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    # "EC PRIVATE KEY" (SEC 1): the form Kubernetes's own key reader knows for service account keys.
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    """Written whole or not at all, and readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    partial.replace(path)
