"""The parts of the page that brings data in: files, live values, corrections."""
