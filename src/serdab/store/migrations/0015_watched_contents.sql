-- Where else a content is that changed at one place: asked for each changed file, of all that are watched.

create index watched_place_digest on watched_place (source, digest);
