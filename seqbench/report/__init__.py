"""The third stage: tables, figures and a page from the catalog."""
