"""`python -m app.cli` is `heard`."""

from app.cli.main import app

app()
