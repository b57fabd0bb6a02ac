"""The command `up.py`: options, what is set up and started in which order, the background, status and stop."""
