-- What hangs on a set of labels goes with it, and an import that still runs cannot add to one that is gone.

delete from label_example h where not exists (select from label_set s where s.set_id = h.set_id);
delete from label_head h where not exists (select from label_set s where s.set_id = h.set_id);
delete from label_description h where not exists (select from label_set s where s.set_id = h.set_id);
delete from label_answer h where not exists (select from label_set s where s.set_id = h.set_id);

alter table label_example add foreign key (set_id) references label_set on delete cascade;
alter table label_head add foreign key (set_id) references label_set on delete cascade;
alter table label_description add foreign key (set_id) references label_set on delete cascade;
alter table label_answer add foreign key (set_id) references label_set on delete cascade;
