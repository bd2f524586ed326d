"""The `heard` command, without a server: its reading, its patience and its words."""
