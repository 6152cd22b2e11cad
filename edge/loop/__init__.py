"""What the loop, `edge/pipeline.py`, is made of: each file is one thing that it knows or keeps between two frames."""
