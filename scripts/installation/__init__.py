"""What `up.py` and `test.py` set up before they run; each part is skipped when it is there already and fits.

Standard library only: it runs before anything is installed.
"""
