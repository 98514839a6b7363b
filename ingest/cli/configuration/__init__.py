"""The configuration files: ``./orusage.toml``, or the file that ``--config`` names, and the user's file."""
