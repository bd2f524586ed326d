"""What all doors share: identity, strict JSON, problems, paging, CORS."""
