"""A fleet of nodes that exist only on the wire: real topics and payloads, a season's curves, faults, and the truth."""

from edge.platform.simulate.fleet import Fleet
from edge.platform.simulate.node import FleetPlan, SimulatedNode
from edge.platform.simulate.truth import TruthFile

__all__ = ["Fleet", "FleetPlan", "SimulatedNode", "TruthFile"]
