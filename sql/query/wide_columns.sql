-- The columns of a study's wide view that stand for its metrics and parameters, in their order.
-- $1 study text
-- returns column_name text
-- returns name text
-- returns direction text
select c.column_name, c.name, o.direction
from hpt.wide_column c
left join hpt.objective o on o.study = c.study and o.name = c.name and c.kind = 'metric'
where c.study = $1
order by c.position
