"""Every key is found where it stands, whatever TOML surrounds it."""

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.cli.configuration.toml_places import places_of

NAMES = st.sampled_from(["a", "b_c", "D-1", '"q.u o"', "'lit # [x]'", '"\\"esc\\n"', "1", '"é"'])
STRINGS = st.sampled_from(
    ['"x"', "'y'", '"a # b"', '"[no]"', '"\\" = 1"', '"""m\nk = 1 ""q"""', "'''\n[t]\nx = '1''''", '"""four""""', '""']
)
SCALARS = STRINGS | st.sampled_from(["1", "-2.5", "true", "1979-05-27 07:32:00", "1979-05-27", "inf", "0x1F"])
SPACE = st.sampled_from(["", " ", "\t"])
BREAK = st.sampled_from(["", " ", "\n", " # it is = [not] {this}\n", "\n\n\t"])


class Writer:
    """Writes TOML and notes at which offset it wrote each key."""

    def __init__(self, draw):
        self.draw = draw
        self.text = ""
        self.places = {}

    def put(self, *parts):
        for part in parts:
            self.text += part if isinstance(part, str) else self.draw(part)

    def key(self, keys, name):
        self.places.setdefault(keys, len(self.text))
        self.put(name)

    def value(self, keys, depth):
        kind = self.draw(st.sampled_from(["scalar", "scalar", "array", "table"] if depth else ["scalar"]))
        if kind == "scalar":
            self.put(SCALARS)
        elif kind == "array":
            self.put("[", BREAK)
            for index in range(self.draw(st.integers(0, 3))):
                self.places[(*keys, index)] = len(self.text)
                self.value((*keys, index), depth - 1)
                self.put(BREAK, ",", BREAK)
            self.put("]")
        else:
            self.put("{", SPACE)
            for number, name in enumerate(self.names()):
                self.put(", " if number else "")
                self.pair(keys, name, depth - 1)
            self.put(SPACE, "}")

    def pair(self, keys, name, depth):
        self.key((*keys, plain(name)), name)
        keys = (*keys, plain(name))
        if self.draw(st.booleans()):
            inner = self.draw(NAMES)
            self.put(SPACE, ".", SPACE)
            self.key((*keys, plain(inner)), inner)
            keys = (*keys, plain(inner))
        self.put(SPACE, "=", SPACE)
        self.value(keys, depth)

    def names(self):
        return self.draw(st.lists(NAMES, max_size=3, unique=True))

    def pairs(self, keys):
        for name in self.names():
            self.put(SPACE)
            self.pair(keys, name, 2)
            self.put(SPACE, st.sampled_from(["\n", " # a = 1\n", "\n\n"]))


def plain(name):
    return next(iter(tomllib.loads(f"{name} = 1")))


@st.composite
def documents(draw):
    writer = Writer(draw)
    writer.pairs(())
    for table in draw(st.lists(st.sampled_from(["T", "'u v'", '"W"']), max_size=3, unique=True)):
        elements = draw(st.integers(0, 2))
        for index in range(max(elements, 1)):
            keys = (plain(table) + "s",)
            name = table[:-1] + "s" + table[-1] if table[0] in "'\"" else table + "s"
            writer.put(SPACE, "[[" if elements else "[", SPACE)
            at = len(writer.text)
            writer.key(keys, name)
            writer.put(SPACE, "]]" if elements else "]", st.sampled_from(["\n", " # [x]\n"]))
            if elements:
                keys = (*keys, index)
                writer.places[keys] = at
            writer.pairs(keys)
    return writer.text, writer.places


@settings(max_examples=200)
@given(documents())
def test_each_key_is_found_where_it_was_written(drawn):
    text, places = drawn
    tomllib.loads(text)
    assert places_of(text) == places


def test_keys_below_the_newest_element_of_an_array_of_tables():
    text = "[[s]]\np = 1\n[s.x]\ny = 1\n[[s]]\np = 2\n[s.x]\ny = 2\n"
    places = places_of(text)
    assert (places["s", 0, "x", "y"], places["s", 1, "p"]) == (text.index("y = 1"), text.index("p = 2"))
    assert places["s", 1, "x", "y"] == text.index("y = 2")
