"""What people see of a fit: progress while it runs, tables when it is done."""
