"""The REST doors: parse, one call, answer."""
