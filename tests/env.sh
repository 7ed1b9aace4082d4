# The environment of every test: nothing of the caller's that could change an output or pick a
# server, neither what a scheduler says of the job that this runs in (hpt-run would heed it). Sourced; TEST_BUILD must be set.
for env_name in $(env | sed -nE 's/^((PG|HPT_|LC_|LANG|XDG_|GIT_|MAKE|SLURM|SBATCH_|SUDO_|OMP_|GOMP_|KMP_|MKL_|OPENBLAS_|BLIS_|NUMEXPR_|CUDA_|ROCR_|HIP_|PYTHON|PARALLEL)[A-Za-z0-9_]*)=.*/\1/p'); do
    # But where the scripts that make clusters for tests are.
    [ "$env_name" = HPT_CLUSTER_DIR ] || unset "$env_name"
done
# What tests compare with paths is free of links.
TEST_BUILD=$(cd "$TEST_BUILD" && pwd -P) TEST_SRC=$(cd "${TEST_SRC:-$TEST_BUILD}" && pwd -P)
unset env_name BASH_ENV CDPATH COLUMNS DISPLAY ENV GREP_OPTIONS JOB_COMPLETION_INDEX LINES MFLAGS NO_COLOR PAGER POSIXLY_CORRECT TAR_OPTIONS TMPDIR
umask 022
LC_ALL=C.UTF-8 TZ=UTC TERM=dumb PYTHONDONTWRITEBYTECODE=1
GIT_CEILING_DIRECTORIES=${TEST_BUILD}/tests/tmp
# Without folders that are closed to us, as root's are below sudo -u: what is in none is not found, and not forbidden.
env_path='' env_ifs=$IFS IFS=:
for env_folder in $PATH; do
    [ ! -x "$env_folder" ] || env_path=$env_path:$env_folder
done
IFS=$env_ifs
PATH=$TEST_BUILD$env_path
unset env_path env_ifs env_folder
export LC_ALL TZ TERM PATH PYTHONDONTWRITEBYTECODE GIT_CEILING_DIRECTORIES
