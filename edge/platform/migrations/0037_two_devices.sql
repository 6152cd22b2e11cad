-- Two devices under one name are told by their cards, which come in turn: the card by which it last said that it is there, the one
-- before, when that gave way, and when a card last came back, by its epoch within a day or by its numbers.
ALTER TABLE node ADD heard_epoch uuid, ADD former_epoch uuid, ADD card_since timestamptz, ADD card_back timestamptz;
