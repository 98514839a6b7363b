"""Finds the line of each ID in the windows of one source, and has each line read once, whatever IDs it holds."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from ingest.core.sightings import Sighting
from ingest.sources.pretty_json import FARTHEST_BACK, find_lines, is_part, unfinished_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.core.logged_usage import LoggedUsage
    from ingest.sources.call_site import LineReader
    from ingest.sources.id_finder import Window

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes. Of a longer line neither time nor fields are read. A line longer than a window is kept in memory."""

_PART_BEGINS = frozenset(b' \t"')


class _Place(NamedTuple):
    """An ID whose line is not read yet.

    Attributes:
        generation_id: The ID.
        position: Its place in the text, in bytes.
        line: The number of its line.
    """

    generation_id: str
    position: int
    line: int


class _Data(NamedTuple):
    """A part of the text.

    Attributes:
        text: The bytes that hold it.
        begin: Where in those it begins: at the beginning of a line.
        end: Where in those it ends.
        offset: Where in the text those begin.
        new_from: Position in the text from which on it was not seen before.
    """

    text: bytes | bytearray
    begin: int
    end: int
    offset: int
    new_from: int


class LineIndex:
    """The lines of the IDs of one source. Give it all windows in order, then ask for the `rest`.

    IDs whose line, or JSON document over several lines, goes on in the next window are held back for that window.

    Args:
        source: The source's name.
        lines_before: Lines of the text before the first window.
        reader: Reads the lines.

    Attributes:
        usages: What further lines of IDs that were found before tell that those cost; whoever takes them empties it.
    """

    def __init__(self, source: str, lines_before: int, reader: LineReader) -> None:
        self._source = source
        self._line = lines_before + 1
        self._reader = reader
        self.usages: list[tuple[str, LoggedUsage]] = []
        self._held: list[_Place] = []
        self._repeats = False
        self._kept = bytearray()
        self._kept_from = 0
        self._is_too_long = False

    def sightings(
        self, window: Window, found: Sequence[str], places: Sequence[int], *, repeats: bool = False
    ) -> list[Sighting]:
        """The sightings of the IDs whose lines end in this window, and of those that were held back for it.

        Args:
            window: The window.
            found: Its IDs.
            places: Where each begins in its buffer, in ascending order.
            repeats: Whether further lines of it have IDs that were found before.
        """
        self._repeats |= repeats
        held = self._held + self._numbered(window, found, places)
        self._held = []
        if self._is_too_long:
            return self._end_long_line(window, held)
        if window.ends_a_line:
            return self._read(self._data(window), held)
        if not self._keep(window):
            return self._told(held, None, 0)
        self._held = held
        return []

    def rest(self) -> list[Sighting]:
        """The sightings of the last lines: the last one need not end with a line break."""
        held, self._held = self._held, []
        return self._read(
            _Data(self._kept, 0, len(self._kept), self._kept_from, self._kept_from + len(self._kept)), held
        )

    def _numbered(self, window: Window, found: Sequence[str], places: Sequence[int]) -> list[_Place]:
        """The IDs of a window with their lines' numbers."""
        counted, numbered = window.begin, []
        for generation_id, place in zip(found, places, strict=True):
            self._line += window.buffer.count(b"\n", counted, place)
            counted = place
            numbered.append(_Place(generation_id, window.offset + place, self._line))
        self._line += window.buffer.count(b"\n", counted, window.end)
        return numbered

    def _data(self, window: Window) -> _Data:
        """The window, with what was kept from before it."""
        new_from = window.offset + window.begin
        if not self._kept:
            return _Data(window.buffer, window.begin, window.end, window.offset, new_from)
        self._kept += window.buffer[window.begin : window.end]
        kept, self._kept = self._kept, bytearray()
        return _Data(kept, 0, len(kept), self._kept_from, new_from)

    def _keep(self, window: Window) -> bool:
        """Keep a window that ends within a line, unless the line is too long."""
        if not self._kept:
            self._kept_from = window.offset + window.begin
        self._kept += window.buffer[window.begin : window.end]
        if len(self._kept) > LONGEST_LINE:
            self._kept, self._is_too_long = bytearray(), True
        return not self._is_too_long

    def _end_long_line(self, window: Window, held: list[_Place]) -> list[Sighting]:
        """The sightings of a window that begins within a line that is too long."""
        line_end = window.buffer.find(b"\n", window.begin, window.end) + 1
        if not line_end:
            return self._told(held, None, 0)
        self._is_too_long = False
        begin = window.offset + line_end
        data = _Data(window.buffer, line_end, window.end, window.offset, begin)
        split = bisect_left(held, begin, key=lambda place: place.position)
        return self._told(held[:split], None, 0) + self._read(data, held[split:])

    def _read(self, data: _Data, places: Sequence[_Place]) -> list[Sighting]:
        """The sightings of the IDs in some data; those of an unfinished document are held back once."""
        sightings: list[Sighting] = []
        read: list[int] = []
        done, first, unfinished = data.begin, 0, None
        while first < len(places):
            place = places[first]
            begin, end, unfinished = _bounds(data, place.position - data.offset, done)
            if unfinished is not None and place.position >= data.new_from:
                self._held = list(places[first:])
                break
            last = first + 1
            while last < len(places) and places[last].position - data.offset < end:
                last += 1
            line = bytes(data.text[begin:end]) if end - begin <= LONGEST_LINE else None
            sightings += self._told(places[first:last], line, data.offset + begin)
            read += begin, end
            done, first = max(end + 1, done), last
        else:
            unfinished = unfinished_at(data.text, done, data.end)
        if self._repeats:
            self._repeats = unfinished is not None
            self._read_further(data, data.end if unfinished is None else unfinished, read)
        if unfinished is not None:
            self._kept, self._kept_from = bytearray(data.text[unfinished : data.end]), data.offset + unfinished
        return sightings

    def _read_further(self, data: _Data, end: int, read: Sequence[int]) -> None:
        """Read the costs in lines of IDs that were found before: a stream tells the cost in its last line.

        Args:
            data: The data.
            end: Where in its bytes to end.
            read: Beginnings and ends of the lines that were read already, in ascending order.
        """
        at, known = data.begin, 0
        while (place := data.text.find(b"cost", at, end)) >= 0:
            known = bisect_left(read, place, known)
            if known % 2:
                at = read[known]
                continue
            begin, at, _ = _bounds(data, place, at)
            if at - begin <= LONGEST_LINE and data.text.find(b"gen-", begin, at) >= 0:
                self.usages += self._reader.usages(bytes(data.text[begin:at])).items()
            at = max(at, place + 1)

    def _told(self, places: Sequence[_Place], line: bytes | None, position: int) -> list[Sighting]:
        """The sightings of the IDs of one line, which begins at a position of the text."""
        ids = {place.generation_id: place.position - position for place in reversed(places)}
        told = self._reader.read(line, ids)
        return [Sighting(p.generation_id, self._source, p.position, p.line, *told[p.generation_id]) for p in places]


def _bounds(data: _Data, at: int, done: int) -> tuple[int, int, int | None]:
    """Where the line at a byte begins and ends, or the JSON document over several lines of which it is a part.

    The third value is where an outer document begins that does not end in the data; None if there is none. What is
    `done` is not searched.
    """
    begin = data.text.rfind(b"\n", data.begin, at) + 1 or data.begin
    line_end = data.text.find(b"\n", at, data.end)
    end = data.end if line_end < 0 else line_end
    if data.text[begin] not in _PART_BEGINS or not is_part(bytes(data.text[begin:end])):
        return begin, end, None
    lines = find_lines(data.text, done, begin, data.end)
    is_near = lines.unfinished is not None and data.end - lines.unfinished <= FARTHEST_BACK
    return *(lines.whole or (begin, end)), lines.unfinished if is_near else None
