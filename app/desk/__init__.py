"""The second flow: an agent acts, or a customer answers back."""
