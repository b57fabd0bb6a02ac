"""Prediction of capacity, state of health and remaining useful life of a Li-ion cell from its measured cycles."""
