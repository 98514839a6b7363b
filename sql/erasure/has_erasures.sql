-- Whether anything was ever erased.
SELECT count(*) > 0 FROM ops.erasures;
