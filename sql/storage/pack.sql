-- Copies everything in another file into this one, named "packed". ATTACH takes no parameters, so the path is
-- substituted, quoted.
ATTACH '$path' AS old (READ_ONLY);
COPY FROM DATABASE old TO packed;
DETACH old;
CHECKPOINT;
