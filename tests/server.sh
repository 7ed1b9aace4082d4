# The private server that tests share. Sourced by tests/run and tests/cli/lib.sh.

# server_start FOLDER: makes a project there with hpt-init and sets TEST_SERVER to the DSN of its
# administrator. Without an hpt-init nothing happens: tests that want a database fail.
server_start() {
    server_folder=$1
    [ -x "$TEST_BUILD/hpt-init" ] || return 0
    mkdir -p "$server_folder" || return 125
    TEST_SERVER=$(cd "$server_folder" && hpt-init </dev/null 2>hpt-init.err) || {
        sed 's/^/# /' "$server_folder/hpt-init.err" >&2
        TEST_SERVER=
        return 125
    }
    # As the administrator, so that tests can make databases.
    TEST_SERVER="$TEST_SERVER user=hpt_admin"
}

server_stop() {
    [ -n "${server_folder:-}" ] && [ -d "$server_folder/.hpt" ] &&
        (cd "$server_folder" && hpt-init --stop >/dev/null 2>&1 </dev/null)
    return 0
}
