"""A card in a trap: insects accumulate on it, and each is counted once, when it is new. Pure.

card = Card.none()
card, reading = read_card(card, detections, sure, image)
"""

from edge.trap.card import Card
from edge.trap.keep import Kept, load_card, save_card
from edge.trap.reading import FORGOTTEN_AFTER, TELLING, Reading, read_card

__all__ = ["FORGOTTEN_AFTER", "TELLING", "Card", "Kept", "Reading", "load_card", "read_card", "save_card"]
