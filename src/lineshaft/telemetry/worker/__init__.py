"""What runs by itself: the recorder, the roller of rollups, retention, the guard of the disk."""
