"""What people see of a running registry. Leaves that anyone may use."""
