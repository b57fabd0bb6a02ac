"""What the screen says, in French and English: texts, numbers, units, dates."""
