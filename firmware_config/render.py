"""From a fleet to all files: a pure function of the fleet file, the key store and the templates."""

from firmware_config.broker import broker_files
from firmware_config.files import File
from firmware_config.fleet import Fleet
from firmware_config.keys import KeyStore
from firmware_config.node import node_files
from firmware_config.tls import broker_identity, site_authority


def render(fleet: Fleet, keys: KeyStore) -> dict[str, File]:
    """Path below OUT -> file. What the key store lacks is made there. Raises ConfigError."""
    authority = site_authority(keys, fleet.site.site)
    files: dict[str, File] = {}
    for entry in fleet.nodes:
        files |= node_files(fleet, entry, keys, authority)
    # Kept after the nodes: a store with a broker and without them was copied in part.
    broker = broker_identity(keys, authority, (fleet.broker.host, *fleet.broker.also_known_as))
    files |= broker_files(fleet, keys, authority, broker)
    keys.keep()
    return files
