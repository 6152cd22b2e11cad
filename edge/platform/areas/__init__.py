"""What is known of an area: its numbers, names and borders, its week and its report."""
