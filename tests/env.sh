# The environment of every test: nothing of the caller's that could change an output or pick a
# server. Sourced; TEST_BUILD must be set.
for env_name in $(env | sed -nE 's/^((PG|HPT_|LC_|LANG|XDG_|GIT_|MAKE)[A-Za-z0-9_]*)=.*/\1/p'); do
    # But where the scripts that make clusters for tests are.
    [ "$env_name" = HPT_CLUSTER_DIR ] || unset "$env_name"
done
unset env_name CDPATH COLUMNS DISPLAY GREP_OPTIONS LINES MFLAGS NO_COLOR PAGER POSIXLY_CORRECT TMPDIR
LC_ALL=C.UTF-8 TZ=UTC TERM=dumb
GIT_CEILING_DIRECTORIES=${TEST_BUILD}/tests/tmp
PATH=$TEST_BUILD:$PATH
export LC_ALL TZ TERM PATH GIT_CEILING_DIRECTORIES
