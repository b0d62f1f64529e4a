-- Words go into their index at once: a list of those that wait is read through by every question, which cost the
-- documents that come in more than the sorting at the end of the list saved.
alter index chunk_words set (fastupdate = off);
