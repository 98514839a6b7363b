"""A simulated OpenRouter on loopback, for the demo, the tests and trials without a key.

In: HTTP requests for generations, and the faults to simulate. Out: the answers of the API with invented records, the
same for the same seed and generation ID.

Begin with `server` (the ASGI application), then `faults` (what can go wrong), `replies` (HTTP answers and key checks)
and `fake_records` with its `models` (the data). The billing API is in `management`: it counts the `population`, which
is the `traffic` of the `account` and whatever was asked for, in `analytics`, `billing` and `listings`.
"""
