"""Config files: schema, loading, overrides, and the reference system's flat files."""
