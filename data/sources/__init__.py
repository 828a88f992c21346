"""Sources: one file a layout that people have."""
