"""A text that comes in reads of chosen lengths, for tests of whoever reads."""


class Blocks:
    """A text whose every read is as long as the next of these blocks, or as there is room."""

    def __init__(self, blocks):
        self._blocks = [block for block in blocks if block]

    def readinto(self, view):
        if not self._blocks:
            return 0
        block = self._blocks.pop(0)
        count = min(len(block), len(view))
        view[:count] = block[:count]
        if count < len(block):
            self._blocks.insert(0, block[count:])
        return count
