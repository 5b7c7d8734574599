"""Layers that the networks are built of."""
