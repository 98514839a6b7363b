"""The adaptive rate limiter: finds how many requests per second the server takes, and follows it.

In: each request sent and each answer. Out: permits, which say when the next request may go.

Begin with `ingest.fetch.ratelimit.controller`, the policy; it composes the other modules, none of which sleeps or reads
a clock. `ingest.fetch.ratelimit.async_limiter` is what the fetcher awaits.
"""
