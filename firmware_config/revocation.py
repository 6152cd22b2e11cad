"""Who may no longer talk to the broker: a list of certificates that the authority has signed, and secrets made anew.

The list lies in the key store, for its signature is new each time it is made, and rendering again must change nothing.
"""

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from edge.errors import UsageError
from firmware_config.access import place_of
from firmware_config.keys import KeyStore, damaged
from firmware_config.tls import NOT_AFTER, NOT_BEFORE, Identity, client_identity

_LIST = "revoked.pem"
NEXT = "-next"  # of a rotation that has begun
PENDING = (f"mqtt-password{NEXT}", f"mqtt-client{NEXT}")
# What a card or its label gives away. The certificate goes last: by it a second `revoke` knows what a power cut left.
OWN = (*PENDING, "mqtt-password", "mqtt-salt", "claim-code", "hotspot-password", "update-box", "mqtt-client")


def revocation_list(keys: KeyStore, authority: Identity) -> str:
    """The list in PEM, empty at first. Raises ConfigError."""
    text = keys.take(_LIST, lambda: _signed(authority, []))
    if _read(text).is_signature_valid(authority.key.public_key()):
        return f"{text.strip()}\n"
    return keys.replace(_LIST, _signed(authority, []))  # of an authority that is gone, with all it ever certified


def revoke(keys: KeyStore, authority: Identity, user: str) -> None:
    """What `user` has now opens nothing any more; rendering gives it new secrets, if it is still in the fleet.

    The list is kept first: a power cut in between leaves secrets that are refused already, and revoking again ends it.
    Raises UsageError.
    """
    place = place_of(user)
    if not keys.knows(f"{place}/mqtt-client"):
        raise UsageError(
            f"{user}: is revoked already, or was never rendered: there is nothing to revoke; check the name"
        )
    for suffix in ("", NEXT):
        if keys.knows(f"{place}/mqtt-client{suffix}"):
            revoke_certificate(keys, authority, client_identity(keys, authority, user, suffix=suffix).certificate)
    for name in OWN:
        keys.forget(f"{place}/{name}")


def revoke_certificate(keys: KeyStore, authority: Identity, certificate: x509.Certificate) -> None:
    """Put one certificate on the list, and keep it. Raises ConfigError."""
    entries = list(_read(revocation_list(keys, authority)))
    if certificate.serial_number not in {entry.serial_number for entry in entries}:
        builder = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(NOT_BEFORE)
        keys.replace(_LIST, _signed(authority, [*entries, builder.build()]))
    keys.keep()


def _signed(authority: Identity, entries: list[x509.RevokedCertificate]) -> str:
    """Fixed dates, as those of the certificates: a broker that wakes without the time must still be able to use it."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
    builder = builder.last_update(NOT_BEFORE).next_update(NOT_AFTER)
    known_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(known_by, critical=False)
    builder = builder.add_extension(x509.CRLNumber(len(entries) + 1), critical=False)
    for entry in entries:
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _read(text: str) -> x509.CertificateRevocationList:
    try:
        return x509.load_pem_x509_crl(text.encode())
    except ValueError as why:
        raise damaged(_LIST) from why
