"""What stands above its action level, who is told of it, and how."""
