"""What each lesson says beside its compared cells, and its answers to "Try it"."""
