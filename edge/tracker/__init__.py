"""Same insect, same track: who is who from frame to frame, up to two seconds apart and at irregular times. Pure.

    tracks = Tracks.none(classes=15)
    tracks, looked = followed(tracks, detections, sure, time_s, image)

A frame goes in, new tracks come out; a visit is a track that was confirmed.
"""

from edge.tracker.follow import followed
from edge.tracker.tracks import Tracks

__all__ = ["Tracks", "followed"]
