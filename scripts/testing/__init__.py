"""The command `test.py`."""
