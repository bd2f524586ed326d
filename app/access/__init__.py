"""Who may speak to us and what they may do: keys, sites, sources."""
