"""The rows of the table of families, a file for each kind."""
