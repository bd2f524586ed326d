"""What is promised: calendars and policies, as versions."""
