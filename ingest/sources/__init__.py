"""Finds generation IDs in logs: source names in, sightings out.

The command line's SOURCES go in. Chunks of sightings come out, each with how far its sources were read and what could
not be read. Any text may hold IDs: no line, format or encoding is assumed, archives are decompressed, and memory does
not grow with lines or files. What an earlier run read is not read again. The warehouse is unknown here.

Begin with ``scanner.scan_all``. It reads the sources that ``discovery.expand_sources`` found, each as a
``source_scan.SourceScan``: ``open_file`` opens it, ``checkpoints`` and ``resume`` find where to continue,
``decompress`` yields its text (``zip_text`` that of zip archives), ``text_windows`` cuts that into windows,
``id_finder`` searches them, ``line_index`` finds the lines of the IDs, and ``call_site`` reads those.
"""
