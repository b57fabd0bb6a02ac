"""One module per view; each has `show(page)`."""
