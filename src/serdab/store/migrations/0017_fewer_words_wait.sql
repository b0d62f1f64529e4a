-- Words that wait for their place in the index are read through by every question, and with documents that come in each
-- asks one: of a list of 1 MB that took a fifth of a message's time. With no list at all long documents take longer.
alter index chunk_words set (gin_pending_list_limit = 256);
