"""An MQTT client id that only its owner can know: any login at the broker may take one, and throws its owner off."""

import hashlib


def owned(name: str, secret: str | None) -> str:
    """The name, and an end made of its owner's secret: its password, or its private key. Without one, the name alone.

    Slow to guess (scrypt, RFC 7914), as brokers write client ids into their logs.
    """
    if secret is None:
        return name
    return f"{name}-{hashlib.scrypt(secret.encode(), salt=name.encode(), n=2**14, r=8, p=1, dklen=8).hex()}"
