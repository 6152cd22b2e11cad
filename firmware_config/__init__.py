"""Turns a blank SD card into a node."""
