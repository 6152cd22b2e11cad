"""What `edge/app.py` gives a node beside its loop: store or spare one, heartbeat, restarts, what it says of itself."""
