-- Values are asked for as people type them: by plain letters (i for ı, l for ł, ae for æ) and by the digits of ASCII. What
-- is here already is put as plain_form of knowledge/words.py puts it.

with digits as (                                       -- of every script, by the code of its zero
    select string_agg(chr(zero + n), '' order by zero, n) as theirs, string_agg(n::text, '' order by zero, n) as ours
    from generate_series(0, 9) as n, unnest(array[
        1632, 1776, 1984, 2406, 2534, 2662, 2790, 2918, 3046, 3174, 3302, 3430, 3558, 3664, 3792, 3872, 4160, 4240,
        6112, 6160, 6470, 6608, 6784, 6800, 6992, 7088, 7232, 7248, 42528, 43216, 43264, 43472, 43504, 43600,
        44016, 65296
    ]) as zero
), letters as (
    select 'ıøđðħłŧŋəɓɗƙƴھہەۃےں' || theirs as theirs, 'ioddhltnebdkyههههين' || ours as ours from digits
)
update document_fact f
set folded = translate(replace(replace(replace(f.folded, 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'), l.theirs, l.ours)
from letters l
where f.folded ~ ('[æœþ' || l.theirs || ']');
