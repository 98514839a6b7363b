"""Values that every package shares, with no input or output of their own.

What goes in: nothing; no module here opens a file or a connection. What comes out: the types that the stages pass on
(`sightings`, `outcomes`, `api_records`, `settings`), the errors with their exit codes (`errors`) and time as an
argument (`clock`).

Begin reading at `outcomes`: every generation ID ends as one of its three values. All packages may import this one; it
imports none of them.
"""
