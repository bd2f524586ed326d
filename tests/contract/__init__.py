"""The OpenAPI document as a promise: what it says is true, whole, and never taken back unawares."""
