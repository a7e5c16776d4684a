"""The endpoints: one file per family, each ending with the routes it declares."""
