"""The real server and the command line, in processes of their own."""
