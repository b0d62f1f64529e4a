-- Who made the vectors of the documents: those of two models, or of one in two precisions, cannot be compared.

create table vector_maker (                            -- one row from the first vector on, none while there are none
    one     boolean primary key default true check (one),
    made_by text    not null                           -- model and precision, as label_example has it
);
