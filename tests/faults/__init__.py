"""What must survive being stopped."""
