-- All that is in another file into this one, which is called "packed". A path cannot be bound here: it is quoted.
ATTACH '$path' AS old (READ_ONLY);
COPY FROM DATABASE old TO packed;
DETACH old;
CHECKPOINT;
