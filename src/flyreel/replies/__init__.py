"""Which choice a reply commits to. Pure Python with nothing else of flyreel in it, so that it can go with an export."""
