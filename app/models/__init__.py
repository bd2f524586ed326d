"""Tables, and nothing else: no logic, no queries. `app.models.everything` knows them all."""
