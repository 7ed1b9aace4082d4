-- Which of these words name files of the code that a study's newest trial with code ran, and which trial that is.
-- $1 study text
-- $2 words text[] (relative to where the command runs, without "./" in front)
-- returns trial bigint
-- returns word text
select t.trial, w.word
from (select a.trial, a.code, substring(convert_from(c.canonical, 'UTF8') from E'\ndirectory\t([^\n]*)') as directory
      from hpt.attempt a join hpt.code c using (code)
      where a.study = $1 and c.files > 0
      order by a.trial desc, a.attempt desc limit 1) t
join hpt.code_file f on f.code = t.code and f.kind = 'file'
join unnest($2::text[]) with ordinality w (word, place)
     on f.path = case t.directory when '.' then w.word else t.directory || '/' || w.word end
order by w.place
