"""How long the publisher waits for what. Tests run with shorter waits; nobody else changes them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds."""

    again_first_s: float = 1.0  # after a lost connection, doubling
    again_most_s: float = 120.0
    kept_first_s: float = 15.0  # after "nobody subscribes", a refusal or silence, doubling: each try costs bytes
    kept_most_s: float = 900.0
    connect_s: float = 25.0  # for name, addresses and TLS, then for the CONNACK: what takes longer is said and goes on
    dial_s: float = 180.0  # a name server that hangs is left, for the network may have changed
    accept_s: float = 60.0  # for the CONNACK, where packets are lost
    steady_s: float = 60.0  # a connection that lasted so long, and in which something was acknowledged, was a good one
    clock_s: float = 600.0  # on connections, for a clock that is not set: what was sent keeps its wrong time
    mark_s: float = 0.2  # acknowledgements that come within are marked in one write
    turn_s: float = 0.5  # longest wait for the network: the stop event is looked at so often
    store_again_s: float = 30.0  # after the disk did not do its part
    farewell_s: float = 3.0
