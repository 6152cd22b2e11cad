"""When the node wakes and sleeps, what its battery says, and how large panel and battery have to be."""
