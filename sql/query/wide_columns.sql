-- The columns of a study's wide view that stand for its metrics and parameters, in their order; a
-- standard error follows its metric.
-- $1 study text
-- returns column_name text
-- returns name text
-- returns direction text
select c.column_name, case when c.kind in ('se', 'part') then c.column_name else c.name end as name,
       o.direction
from hpt.wide_column c
left join hpt.objective o on o.study = c.study and o.name = c.name and c.kind = 'metric'
where c.study = $1
order by c.position
