"""Those who answer: agents, teams, presence, load."""
