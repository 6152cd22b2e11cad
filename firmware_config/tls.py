"""The site's own certificate authority, the broker's certificate, and one for each who may talk to it.

All carry fixed dates: a node that wakes without the time must still be able to connect, and nobody visits it to renew.
What ends a certificate's life here is a new key store, not a date.
"""

import ipaddress
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.errors import ConfigError
from firmware_config.access import place_of
from firmware_config.keys import RESTORE, KeyStore, damaged

NOT_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)  # before any clock a Raspberry Pi OS of ours can wake up with
NOT_AFTER = datetime(2049, 12, 31, tzinfo=UTC)


class Identity(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> str:
        """What anybody may see."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """What nobody else may see."""
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()

    @property
    def both_pem(self) -> str:
        """Certificate and key in one file, as a client wants them."""
        return self.certificate_pem + self.key_pem


def site_authority(keys: KeyStore, site: str) -> Identity:
    """The authority of a site, made on first use. Raises ConfigError, also for a store of another or a part of one."""
    for name in ("site-ca.pem", "nodes"):  # made anew they would lock the nodes out
        if keys.knows("broker.pem") and not keys.knows(name):
            raise ConfigError(f"key store, {name}: is missing; {RESTORE}, with all its folders")
    authority = _read(keys.take("site-ca.pem", lambda: _new_authority(site).both_pem), "site-ca.pem")
    if authority.certificate.subject != _of_site(site):  # of two nodes of one name each would be the other
        raise ConfigError(
            f"key store, site-ca.pem: is not that of {site} ({authority.certificate.subject.rfc4514_string()}); "
            "keep the fleet file of each site in a folder of its own, or name this site's key store with --keys"
        )
    return authority


def broker_identity(keys: KeyStore, authority: Identity, names: tuple[str, ...]) -> Identity:
    """The broker's certificate for `names`; issued anew when they or the authority have changed. Raises ConfigError."""
    broker = _read(keys.take("broker.pem", lambda: _new_broker(authority, names).both_pem), "broker.pem")
    alternative = broker.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if list(alternative) == _alternative_names(names) and _signed_by(authority, broker):
        return broker
    return _read(keys.replace("broker.pem", _new_broker(authority, names).both_pem), "broker.pem")


def client_identity(keys: KeyStore, authority: Identity, user: str, *, suffix: str = "") -> Identity:
    """What `user` proves itself by, beside its password; issued anew when the authority changed. Raises ConfigError."""
    name = f"{place_of(user)}/mqtt-client{suffix}"
    client = _read(keys.take(name, lambda: _new_client(authority, user).both_pem), name)
    if _signed_by(authority, client):
        return client
    return _read(keys.replace(name, _new_client(authority, user).both_pem), name)


def _signed_by(authority: Identity, issued: Identity) -> bool:
    known = issued.certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    return known == x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())


def _new_authority(site: str) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _of_site(site)
    usage = _usage(key_cert_sign=True, crl_sign=True)
    builder = _builder(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return Identity(builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()), key)


def _new_broker(authority: Identity, names: tuple[str, ...]) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _issued(authority, "Fieldeye broker", key, ExtendedKeyUsageOID.SERVER_AUTH)
    builder = builder.add_extension(x509.SubjectAlternativeName(_alternative_names(names)), critical=False)
    return Identity(builder.sign(authority.key, hashes.SHA256()), key)


def _new_client(authority: Identity, user: str) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _issued(authority, user, key, ExtendedKeyUsageOID.CLIENT_AUTH)
    return Identity(builder.sign(authority.key, hashes.SHA256()), key)


def _issued(
    authority: Identity, subject: str, key: ec.EllipticCurvePrivateKey, use: x509.ObjectIdentifier
) -> x509.CertificateBuilder:
    return (
        _builder(_name(subject), authority.certificate.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .add_extension(  # Python 3.13 refuses a certificate without it
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
        )
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _of_site(site: str) -> x509.Name:
    return _name(f"Fieldeye site {site}"[:64])  # as long as one may be


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative_names(names: tuple[str, ...]) -> list[x509.GeneralName]:
    return [_alternative_name(name) for name in dict.fromkeys(names)]


def _alternative_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _read(text: str, name: str) -> Identity:
    try:
        key = serialization.load_pem_private_key(text.encode(), password=None)
        certificate = x509.load_pem_x509_certificate(text.encode())
    except ValueError as why:
        raise damaged(name) from why
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"key store, {name}: holds a key of another kind; {RESTORE}")
    return Identity(certificate, key)
