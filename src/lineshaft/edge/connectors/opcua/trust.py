"""Who we are to servers, and which servers we believe.

    <pki>/own/certificate.der, key.pem    made on first use, the same for every connection of this folder
    <pki>/trusted/*.der|*.pem             servers, or the authorities that signed them (trust = "folder")
    <pki>/servers/<host>_<port>.der       what each server showed first (trust = "first-use")
    <pki>/rejected/<host>_<port>.der      what was refused last, ready to be moved

The folder is the edge's own, or `pki` of the connection. Everything here blocks: call it in a thread.
"""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from asyncua.crypto import cert_gen
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from lineshaft.kernel.errors import Invalid, Unavailable

from .settings import OpcUaSettings

_YEARS = 10
"""A plant's server trusts our certificate by hand, so it lives as long as a machine's control."""
_making = threading.Lock()


class Distrusted(Unavailable):
    """The server shows a certificate we have no reason to believe."""

    code = "edge.opcua.distrusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Our certificate, its key and the application URI it speaks for."""

    certificate: Path
    private_key: Path
    password: str | None
    uri: str


def identity(settings: OpcUaSettings, pki: Path) -> Identity:
    """The configured certificate and key, or our own, made when there is none yet."""
    if settings.certificate and settings.private_key:
        uri = _application_uri(load(settings.certificate))
        password = settings.private_key_password.get_secret_value() or None
        return Identity(certificate=settings.certificate, private_key=settings.private_key, password=password, uri=uri)
    certificate, key = own_certificate(pki), pki / "own" / "key.pem"
    with _making:
        if not (certificate.exists() and key.exists()):
            _make(certificate, key)
    return Identity(certificate=certificate, private_key=key, password=None, uri=_application_uri(load(certificate)))


def own_certificate(pki: Path) -> Path:
    """Where our self-made certificate lies, for people to give to servers."""
    return pki / "own" / "certificate.der"


def admit(settings: OpcUaSettings, pki: Path, shown: bytes, *, keep: bool) -> None:
    """Return when the server's certificate (DER) may be believed; Distrusted otherwise.

    `keep` remembers a certificate seen first; a mere trial does not.
    """
    place = _file_name(settings.url)
    if settings.server_certificate:
        if _der(load(settings.server_certificate)) != shown:
            _reject(pki, place, shown)
            raise Distrusted(
                f"{settings.url} shows another certificate than {settings.server_certificate}.",
                hint="Get the server's certificate anew if it was renewed on purpose; otherwise find out who answers.",
            )
    elif settings.trust == "folder":
        _admit_listed(settings.url, pki, place, shown)
    elif settings.trust == "first-use":
        _admit_known(settings.url, pki, place, shown, keep=keep)


def _admit_listed(url: str, pki: Path, place: str, shown: bytes) -> None:
    certificate = x509.load_der_x509_certificate(shown)
    folder = pki / "trusted"
    listed = [load(path) for path in sorted(folder.glob("*")) if path.suffix.lower() in {".der", ".pem", ".crt"}]
    if any(_der(each) == shown or _issued(certificate, each) for each in listed):
        return
    refused = _reject(pki, place, shown)
    raise Distrusted(
        f"The certificate of {url} is not among those in {folder}.",
        hint=f"Compare it with the server's own and move {refused} to {folder} if they are the same.",
    )


def _admit_known(url: str, pki: Path, place: str, shown: bytes, *, keep: bool) -> None:
    known = pki / "servers" / place
    if not known.exists():
        if keep:
            _write(known, shown, mode=0o644)
    elif known.read_bytes() != shown:
        _reject(pki, place, shown)
        raise Distrusted(
            f"{url} shows another certificate than the one it showed first.",
            hint=f"If the server was renewed on purpose, delete {known}; otherwise find out who answers.",
        )


def load(path: Path) -> x509.Certificate:
    """A certificate file in DER or PEM; Invalid when it is neither or not there."""
    try:
        content = path.read_bytes()
        return (
            x509.load_pem_x509_certificate(content)
            if b"-----BEGIN" in content
            else x509.load_der_x509_certificate(content)
        )
    except (OSError, ValueError) as error:
        raise Invalid(f"{path} cannot be read as a certificate: {error}.", hint="Give a .der or .pem file.") from error


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    now = datetime.now(UTC)
    if not (certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc <= issuer.not_valid_after_utc):
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _application_uri(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.UniformResourceIdentifier)[0]
    except (x509.ExtensionNotFound, IndexError) as error:
        raise Invalid(
            "Our certificate names no application URI.", hint="OPC UA wants one as URI among its alternative names."
        ) from error


def _make(certificate: Path, key: Path) -> None:
    host = socket.gethostname()
    uri = f"urn:{host}:lineshaft:edge"
    secret = cert_gen.generate_private_key()
    made = cert_gen.generate_self_signed_app_certificate(
        secret,
        "Lineshaft",
        {"organizationName": "Lineshaft"},
        [x509.UniformResourceIdentifier(uri), x509.DNSName(host)],
        extended=[ExtendedKeyUsageOID.CLIENT_AUTH],
        days=365 * _YEARS,
    )
    _write(key, cert_gen.dump_private_key_as_pem(secret), mode=0o600)
    _write(certificate, _der(made), mode=0o644)


def _reject(pki: Path, place: str, shown: bytes) -> Path:
    refused = pki / "rejected" / place
    _write(refused, shown, mode=0o644)
    return refused


def _write(path: Path, content: bytes, *, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _file_name(url: str) -> str:
    parts = urlsplit(url)
    return f"{(parts.hostname or '').replace(':', '-')}_{parts.port}.der"
