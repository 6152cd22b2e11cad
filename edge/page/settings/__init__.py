"""What may be changed on the page: keys of node.toml, and the station's own action levels."""
