"""The OpenRouter client, synchronous and asynchronous.

What goes in: an API key, options and a generation ID. What comes out: a typed record of `ingest.core.api_records`, or
one of the errors of `ingest.client.errors`, returned as `Ok` or `Err` or, by the methods of ``generations``, raised.

Begin reading at `operations`, the API's two operations. `request` builds a request and reads its answer without any
I/O, `async_client` sends it, and `sync_client` runs the asynchronous client in a thread. `public` lists the names that
``from ingest import …`` offers.
"""
