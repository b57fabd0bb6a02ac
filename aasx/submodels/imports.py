"""Files brought into a cell: what OperationalData keeps of each, and how large a file may be."""

MOST_FILE_BYTES = 100_000_000
"""Largest file that an import takes; above it: convert to Parquet, thin, or split."""
