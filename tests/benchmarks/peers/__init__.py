"""The contestants, one file each; `line.py` is what they have in common."""
