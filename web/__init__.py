"""The page and the JSON API: wiring of what `workflow` answers to requests, and nothing else."""
