#!/usr/bin/env bash
# The one test command: provides PostgreSQL, Redis and a Python with real clients, then runs every check the project has.
# Servers that it starts live in a temporary folder and end with it, however it ends.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: ./test.sh                          every check: format, lints, tests, docs
       ./test.sh -- ARGUMENTS             only the tests, with ARGUMENTS for cargo nextest,
                                          for example: ./test.sh -- -E 'test(park)'
       ./test.sh --engines-only COMMAND   runs COMMAND with the engines up
       ./test.sh --durable ...            PostgreSQL on disk with fsync on (for measuring)

Engines: DATABASE_URL and REDIS_URL when set; else private servers from installed binaries; else
the binaries are installed with the system's package manager (not with LEADRAIL_TEST_NO_INSTALL=1).
LEADRAIL_TEST_PGBIN (folder) and LEADRAIL_TEST_REDIS_BIN (file) name the binaries to use.

Property tests draw the same cases in every run. To hunt for failures that are rarer than that:
       PROPTEST_RNG_SEED=$RANDOM PROPTEST_CASES=20000 ./test.sh -- -E 'test(evaluators_agree)'

Real clients: the packages of tests/clients/requirements.txt, in a virtual environment inside the
target folder, which is made once. LEADRAIL_TEST_PYTHON names a Python that has them already.
TEXT
}

# --- Words for the person who reads the output ------------------------------------------------

heading() { printf '\n== %s (at %d s)\n' "$1" "$SECONDS" >&2; }
say() { printf '   %s\n' "$*" >&2; }
give_up() {
    printf '\ntest.sh: %s\n' "$1" >&2
    exit 2
}

# --- Ending: everything that was started ends here --------------------------------------------

work=''         # the temporary folder; empty until it exists
child=''        # the command that runs right now
child_group=''  # the same, when it leads a process group of its own
watchdog=''     # process group of the watchdog
redis_pid=''
policy=''       # a policy-rc.d that we wrote

# Ends a private server or anything else that may already be gone.
end_quietly() { kill "$@" 2>/dev/null || true; }

postmaster_pid() { head -n 1 "$work/pg/data/postmaster.pid" 2>/dev/null || true; }

show_logs() {
    local log
    # How the cluster was made matters only when it never started.
    [ ! -s "$work/pg/server.log" ] || rm -f "$work/pg/initdb.log"
    for log in "$work"/pg/initdb.log "$work"/pg/server.log "$work"/redis/server.log; do
        [ -s "$log" ] || continue
        printf '\n-- the end of %s\n' "${log#"$work"/}" >&2
        tail -n 20 "$log" >&2 || true
    done
}

stop_engines() {
    local pid tries=0
    [ -z "$redis_pid" ] || end_quietly -KILL "$redis_pid"
    pid=$(postmaster_pid)
    if [ -n "$pid" ]; then
        end_quietly -QUIT "$pid"
        while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 50 ]; do
            sleep 0.1
            tries=$((tries + 1))
        done
        end_quietly -KILL "$pid"
    fi
}

# Waits for the running step to end, but not for ever: a step that does not listen is killed.
# shellcheck disable=SC2317  # called by the EXIT trap
await_child() {
    local tries=0
    [ -n "$child" ] || return 0
    while kill -0 "$child" 2>/dev/null && [ "$tries" -lt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    end_quietly -KILL "$child"
}

# shellcheck disable=SC2317  # called by the EXIT trap
clean_up() {
    local code=$?
    trap '' INT TERM HUP
    trap - EXIT
    if [ -n "$child_group" ]; then
        end_quietly -TERM -- "-$child_group"
    elif [ -n "$child" ]; then
        end_quietly -TERM "$child"
    fi
    await_child
    [ -z "$policy" ] || as_root rm -f "$policy"
    if [ -n "$work" ]; then
        # An interrupted run needs no logs, and neither does a good one.
        case "$code" in 0 | 129 | 130 | 143) ;; *) show_logs ;; esac
        stop_engines
        [ -z "$watchdog" ] || end_quietly -KILL -- "-$watchdog"
        rm -rf "$work"
    fi
    exit "$code"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Ends servers and running step when this script is killed without a chance to clean up. It has a process group
# of its own, so that a kill of the script's whole group does not take it along.
start_watchdog() {
    local script=$$
    set -m
    (
        trap '' INT TERM HUP
        while kill -0 "$script" 2>/dev/null; do sleep 1; done
        [ ! -s "$work/step" ] || end_quietly -KILL -- "-$(cat "$work/step")"
        redis_pid=$(cat "$work/redis/pid" 2>/dev/null || true)
        stop_engines
        rm -rf "$work"
    ) </dev/null >/dev/null 2>&1 &
    watchdog=$!
    set +m
    disown "$watchdog"
}

# Runs a command so that a signal to this script ends it at once, with everything it started:
# bash handles a signal only after a foreground command has ended, but `wait` returns at once.
run_step() {
    local code=0
    set -m
    "$@" </dev/null &
    child=$!
    child_group=$!
    set +m
    printf '%d\n' "$child_group" >"$work/step"
    wait "$child" || code=$?
    rm -f "$work/step"
    child='' child_group=''
    return "$code"
}

# The same for a command that may want the terminal: it stays in our process group and keeps stdin.
run_attached() {
    local code=0
    "$@" <&0 &
    child=$!
    wait "$child" || code=$?
    child=''
    return "$code"
}

# --- Binaries ---------------------------------------------------------------------------------

has() { command -v "$1" >/dev/null 2>&1; }

# A folder serves when it has everything that starts a cluster.
is_pgbin() { [ -x "$1/initdb" ] && [ -x "$1/pg_ctl" ] && [ -x "$1/postgres" ]; }

# Prints the folder of PostgreSQL's server binaries: PATH first, then the newest known place.
find_pgbin() {
    local folder
    if [ -n "${LEADRAIL_TEST_PGBIN:-}" ]; then
        is_pgbin "$LEADRAIL_TEST_PGBIN" && printf '%s\n' "$LEADRAIL_TEST_PGBIN"
        return
    fi
    if has initdb; then
        folder=$(dirname "$(command -v initdb)")
        is_pgbin "$folder" && printf '%s\n' "$folder" && return
    fi
    for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
        /usr/libexec/postgresql* /opt/homebrew/opt/postgresql*/bin \
        /usr/local/opt/postgresql*/bin /home/linuxbrew/.linuxbrew/opt/postgresql*/bin \
        /usr/local/pgsql/bin | sort -rV); do
        is_pgbin "$folder" && printf '%s\n' "$folder" && return
    done
    return 1
}

# Prints the path of a server that speaks Redis.
find_redis() {
    local name
    if [ -n "${LEADRAIL_TEST_REDIS_BIN:-}" ]; then
        [ -x "$LEADRAIL_TEST_REDIS_BIN" ] && printf '%s\n' "$LEADRAIL_TEST_REDIS_BIN"
        return
    fi
    for name in redis-server valkey-server /opt/homebrew/bin/redis-server \
        /usr/local/bin/redis-server; do
        has "$name" && command -v "$name" && return
    done
    return 1
}

# A Python that is new enough and can make a virtual environment with pip in it.
has_python() {
    has python3 &&
        python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# --- Installing -------------------------------------------------------------------------------

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
may_be_root() { [ "$(id -u)" = 0 ] || { has sudo && sudo -n true 2>/dev/null; }; }

# Debian starts a service as soon as its package is installed, unless policy-rc.d forbids it.
install_with_apt() {
    local packages=() name
    for name in "$@"; do
        case "$name" in
        postgresql) packages+=(postgresql) ;;
        redis) packages+=(redis-server) ;;
        cc) packages+=(build-essential) ;;
        python) packages+=(python3 python3-venv) ;;
        esac
    done
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300
        -o Acquire::Retries=3)
    # Another apt may hold the lock of the package lists, which knows no time limit of its own.
    as_root "${apt[@]}" update || { sleep 20 && as_root "${apt[@]}" update; } || true
    as_root "${apt[@]}" install --no-install-recommends "${packages[@]}"
    [ -z "$policy" ] || as_root rm -f "$policy"
    policy=''
}

install_with_dnf() {
    local packages=() name
    for name in "$@"; do
        case "$name" in
        postgresql) packages+=(postgresql-server) ;;
        redis) if dnf -q list redis >/dev/null 2>&1; then packages+=(redis); else packages+=(valkey); fi ;;
        cc) packages+=(gcc) ;;
        python) packages+=(python3 python3-pip) ;;
        esac
    done
    as_root dnf -y install "${packages[@]}"
}

install_with_apk() {
    local packages=() name
    for name in "$@"; do
        case "$name" in
        postgresql) packages+=(postgresql) ;;
        redis) packages+=(redis) ;;
        cc) packages+=(build-base) ;;
        python) packages+=(python3 py3-pip) ;;
        esac
    done
    as_root apk add --no-cache "${packages[@]}"
}

install_with_brew() {
    local packages=() name
    for name in "$@"; do
        case "$name" in
        postgresql) packages+=(postgresql@17) ;;
        redis) packages+=(redis) ;;
        cc) packages+=(gcc) ;;
        python) packages+=(python3) ;;
        esac
    done
    brew install "${packages[@]}"
}

package_manager() {
    [ "${LEADRAIL_TEST_NO_INSTALL:-}" = 1 ] && return 1
    if has brew && [ "$(id -u)" != 0 ]; then
        printf 'brew\n'
        return
    fi
    may_be_root || return 1
    if has apt-get; then
        printf 'apt\n'
    elif has dnf; then
        printf 'dnf\n'
    elif has apk; then
        printf 'apk\n'
    else
        return 1
    fi
}

# Prints what is missing, one word each, in the words of the install functions.
list_missing() {
    has cc || printf 'cc '
    [ -n "${DATABASE_URL:-}" ] || find_pgbin >/dev/null || printf 'postgresql '
    [ -n "${REDIS_URL:-}" ] || find_redis >/dev/null || printf 'redis '
    # Only tests need it, not every command that wants the engines.
    [ "$for_tests" = no ] || [ -n "${LEADRAIL_TEST_PYTHON:-}" ] || has_python || printf 'python '
}

# Says each missing thing by name and the two ways out.
explain_missing() {
    local name
    for name in "$@"; do
        case "$name" in
        cc) say 'missing: a C compiler (command cc). Install it; nothing else can stand in for it.' ;;
        postgresql)
            say 'missing: PostgreSQL 13 or newer, server binaries (initdb, pg_ctl, postgres).'
            say '  Install them (set LEADRAIL_TEST_PGBIN to their folder if it is an unusual one),'
            say '  or set DATABASE_URL to a server on which the tests may create databases.'
            ;;
        redis)
            say 'missing: a Redis server (redis-server or valkey-server).'
            say '  Install it (set LEADRAIL_TEST_REDIS_BIN to its path if it is an unusual one),'
            say '  or set REDIS_URL to a server that the tests may fill and empty.'
            ;;
        python)
            say 'missing: Python 3.11 or newer with its modules venv and ensurepip (Debian: python3-venv).'
            say '  Install it, or set LEADRAIL_TEST_PYTHON to a Python that has the packages of'
            say '  tests/clients/requirements.txt.'
            ;;
        esac
    done
}

ensure_binaries() {
    local missing manager
    # One word per missing thing; splitting them is the point.
    # shellcheck disable=SC2207
    missing=($(list_missing))
    [ "${#missing[@]}" -gt 0 ] || return 0
    if manager=$(package_manager); then
        say "installing with $manager: ${missing[*]}"
        "install_with_$manager" "${missing[@]}" >&2 || say "$manager could not install everything"
        hash -r
        # shellcheck disable=SC2207
        missing=($(list_missing))
        [ "${#missing[@]}" -gt 0 ] || return 0
    fi
    explain_missing "${missing[@]}"
    give_up "cannot run without: ${missing[*]}"
}

ensure_rust() {
    local part
    has cargo || give_up 'missing: cargo. Install Rust as https://rustup.rs describes.'
    for part in fmt clippy; do
        cargo "$part" --version >/dev/null 2>&1 && continue
        if has rustup && [ "${LEADRAIL_TEST_NO_INSTALL:-}" != 1 ]; then
            say "adding the Rust component for cargo $part"
            rustup component add "${part/fmt/rustfmt}" >&2 || true
        fi
        cargo "$part" --version >/dev/null 2>&1 ||
            give_up "missing: cargo $part. Run: rustup component add ${part/fmt/rustfmt}"
    done
}

# --- Private servers --------------------------------------------------------------------------

# Ports come from below the range that systems give to outgoing connections. A port from inside it
# could be taken by any client while a test has the server down; and a client that keeps
# connecting to a free port of that range can even end up connected to itself.
# The server's own bind is the question to the OS; when the port is taken, the next one is tried.
candidate_port() { printf '%d\n' $((15000 + (RANDOM * 32768 + RANDOM) % 15000)); }

# PostgreSQL refuses to run as root.
choose_service_user() {
    service_user=''
    [ "$(id -u)" = 0 ] || return 0
    local name
    for name in postgres nobody; do
        if id "$name" >/dev/null 2>&1; then
            service_user=$name
            return
        fi
    done
    give_up 'missing: a user for PostgreSQL, which refuses to run as root (postgres or nobody).'
}

# Runs a command of PostgreSQL as the service user, from a folder that this user may enter.
as_service_user() (
    cd "$work/pg"
    export LC_ALL=C
    if [ -z "$service_user" ]; then
        exec "$@"
    elif has setpriv && setpriv --init-groups true 2>/dev/null; then
        exec setpriv --reuid="$service_user" --regid="$(id -g "$service_user")" --init-groups -- "$@"
    elif has runuser; then
        exec runuser -u "$service_user" -- "$@"
    else
        exec su -s /bin/sh "$service_user" -c "$(printf '%q ' "$@")"
    fi
)

# Free space of a folder's file system, in KiB.
free_kib() { df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $4 }'; }
available_memory_kib() { awk '/^MemAvailable:/ { print $2 }' /proc/meminfo 2>/dev/null; }

# Every test copies a database of 8 MB: in memory that costs about 15 ms, on a disk 50 to 240 ms.
# A measurement needs the disk; so does a machine with little memory.
choose_base_folder() {
    local enough_kib=$((4 * 1024 * 1024)) shm_kib memory_kib
    shm_kib=$(free_kib /dev/shm)
    memory_kib=$(available_memory_kib) || true
    if [ "$durable" = yes ]; then
        printf '/var/tmp\n'
    elif [ -w /dev/shm ] && [ "${shm_kib:-0}" -ge "$enough_kib" ] &&
        [ "${memory_kib:-0}" -ge $((2 * enough_kib)) ]; then
        printf '/dev/shm\n'
    else
        # A service user cannot enter root's home.
        case "${TMPDIR:-/tmp}" in /root*) printf '/tmp\n' ;; *) printf '%s\n' "${TMPDIR:-/tmp}" ;; esac
    fi
}

make_work_folder() {
    local base
    base=$(choose_base_folder)
    work=$(mktemp -d "${base%/}/leadrail-test.XXXXXX")
    chmod 755 "$work"
    mkdir "$work/pg" "$work/redis"
    say "temporary folder: $work"
    start_watchdog
}

write_pg_settings() {
    {
        printf "listen_addresses = '127.0.0.1'\nport = %d\n" "$1"
        printf "unix_socket_directories = '%s'\n" "$work/pg"
        printf 'max_connections = 300\nshared_buffers = 128MB\n'
        # Tests kill processes, never the power: what the kernel has been given survives.
        # A commit still waits for its turn in the log, so the order of things stays real.
        [ "$durable" = yes ] ||
            printf 'fsync = off\nfull_page_writes = off\nmax_wal_size = 256MB\n'
    } >"$work/pg/data/leadrail.conf"
}

create_cluster() {
    local locale
    for locale in C.UTF-8 C; do
        rm -rf "$work/pg/data"
        as_service_user "$pgbin/initdb" -D "$work/pg/data" -U postgres --auth=trust -E UTF8 \
            --locale="$locale" --no-sync >"$work/pg/initdb.log" 2>&1 && return
    done
    give_up 'initdb failed'
}

start_postgres() {
    [ -z "$service_user" ] || chown "$service_user" "$work/pg"
    create_cluster
    printf "include 'leadrail.conf'\n" >>"$work/pg/data/postgresql.conf"
    local port
    for _ in 1 2 3 4 5 6 7 8; do
        port=$(candidate_port)
        write_pg_settings "$port"
        if as_service_user "$pgbin/pg_ctl" start -w -t 60 -D "$work/pg/data" \
            -l "$work/pg/server.log" >/dev/null 2>&1; then
            export DATABASE_URL="postgres://postgres@127.0.0.1:$port/postgres"
            return
        fi
        grep -q 'in use' "$work/pg/server.log" || break
        say "port $port is taken"
    done
    give_up 'PostgreSQL did not start'
}

# Redis answers PONG. The subshell keeps a refused connection from ending this script.
redis_answers() (
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf 'PING\r\n' >&3
    IFS= read -r -t 2 answer <&3 && [ "${answer%$'\r'}" = '+PONG' ]
) 2>/dev/null

launch_redis() {
    set -m
    "$redis_bin" --port "$1" --bind 127.0.0.1 --save '' --appendonly no --dir "$work/redis" \
        </dev/null >"$work/redis/server.log" 2>&1 &
    redis_pid=$!
    set +m
    disown "$redis_pid"
    printf '%d\n' "$redis_pid" >"$work/redis/pid"
}

start_redis() {
    local port
    for _ in 1 2 3 4 5 6 7 8; do
        port=$(candidate_port)
        launch_redis "$port"
        for _ in $(seq 100); do
            kill -0 "$redis_pid" 2>/dev/null || break
            # Another server may hold the port: only an answer while ours lives counts.
            if redis_answers "$port" && kill -0 "$redis_pid" 2>/dev/null; then
                export REDIS_URL="redis://127.0.0.1:$port/"
                return
            fi
            sleep 0.1
        done
        grep -q 'in use' "$work/redis/server.log" || break
        say "port $port is taken"
    done
    give_up 'Redis did not start'
}

# An engine that was promised and is not there fails now, not after ten minutes of compiling.
check_given_url() {
    local name=$1 url=$2 default_port=$3 authority host port
    authority=${url#*://}
    authority=${authority%%[/?]*}
    authority=${authority##*@}
    host=${authority%:*}
    port=${authority##*:}
    [ "$port" != "$authority" ] || port=$default_port
    # A socket or an IPv6 address: the tests will find out.
    case "$authority" in '' | *\[* | *%*) return 0 ;; esac
    (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null ||
        give_up "$name is set, but nothing answers at $host:$port"
}

provision_postgres() {
    if pgbin=$(find_pgbin); then
        export LEADRAIL_TEST_PGBIN=$pgbin
    fi
    if [ -n "${DATABASE_URL:-}" ]; then
        check_given_url DATABASE_URL "$DATABASE_URL" 5432
        postgres_is='PostgreSQL of DATABASE_URL'
        [ -n "$pgbin" ] || say 'no server binaries of PostgreSQL: fault tests, which start servers, will fail'
    else
        choose_service_user
        start_postgres
        postgres_is="private PostgreSQL $("$pgbin/postgres" --version | awk '{ print $3 }')"
    fi
    say "$postgres_is"
}

provision_redis() {
    if redis_bin=$(find_redis); then
        export LEADRAIL_TEST_REDIS_BIN=$redis_bin
    fi
    if [ -n "${REDIS_URL:-}" ]; then
        check_given_url REDIS_URL "$REDIS_URL" 6379
        redis_is='Redis of REDIS_URL'
        [ -n "$redis_bin" ] || say 'no Redis server binary: fault tests, which start servers, will fail'
    else
        start_redis
        redis_is="private $(basename "$redis_bin") $("$redis_bin" --version |
            sed 's/.* v=\([^ ]*\).*/\1/')"
    fi
    say "$redis_is"
}

provision() {
    heading 'engines'
    ensure_binaries
    make_work_folder
    provision_postgres
    provision_redis
    [ "$for_tests" = no ] || provision_python
}

# Real clients of the providers that we fake, at exact versions. The stamp is written last: what was
# not finished is begun anew.
provision_python() {
    local folder list=tests/clients/requirements.txt stamp
    [ -z "${LEADRAIL_TEST_PYTHON:-}" ] || return 0
    folder=$(pwd)/${CARGO_TARGET_DIR:-target}/test-python
    case "${CARGO_TARGET_DIR:-}" in /*) folder=$CARGO_TARGET_DIR/test-python ;; esac
    stamp=$folder/installed.txt
    if ! cmp -s "$list" "$stamp" || ! "$folder/bin/python" -c 'import openai, twilio' 2>/dev/null; then
        say "installing real clients: $list"
        rm -rf "$folder"
        mkdir -p "$(dirname "$folder")"
        run_step python3 -m venv "$folder" || give_up "python3 -m venv $folder failed"
        run_step "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
            --requirement "$list" >&2 || give_up "the packages of $list could not be installed"
        cp "$list" "$stamp"
    fi
    export LEADRAIL_TEST_PYTHON=$folder/bin/python
    say "$("$LEADRAIL_TEST_PYTHON" --version) with the clients of $list"
}

# --- The checks -------------------------------------------------------------------------------

check_format() {
    heading 'format: cargo fmt'
    run_step cargo fmt --all --check
}

check_lints() {
    heading 'lints: cargo clippy'
    run_step cargo clippy --workspace --all-targets --locked -- -D warnings
}

run_tests() {
    if has cargo-nextest; then
        runner='cargo nextest'
        heading "tests: $runner"
        run_step cargo nextest run --workspace --locked "$@"
    else
        runner='cargo test'
        heading "tests: $runner (cargo-nextest is not installed; arguments go to cargo test)"
        # Examples in the documentation have their own step.
        run_step cargo test --workspace --locked --tests --no-fail-fast "$@"
    fi
}

check_docs() {
    heading 'docs: cargo doc'
    run_step env RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked
    heading 'docs: examples'
    run_step cargo test --doc --workspace --locked
}

conclude() { printf '\ntest.sh: passed in %d s: %s\n' "$SECONDS" "$1"; }

run_everything() {
    check_format
    check_lints
    run_tests
    check_docs
    conclude "format, lints, tests ($runner), docs and their examples; on $postgres_is, $redis_is"
}

run_some_tests() {
    run_tests "$@"
    conclude "only the tests chosen by: $* ($runner); on $postgres_is, $redis_is"
}

# A run is no lottery: without a seed of the caller's, property tests draw the same cases each time,
# so that what fails here fails everywhere. Hunting for rare failures is done by hand, as --help says.
fix_chance() { export PROPTEST_RNG_SEED="${PROPTEST_RNG_SEED:-1}"; }

main() {
    durable=no
    for_tests=yes
    fix_chance
    case "${1:-}" in -h | --help) usage && exit 0 ;; esac
    if [ "${1:-}" = --durable ]; then
        durable=yes
        shift
    fi
    # Nothing is built twice in CI, so the files that make a second build fast only cost time.
    [ "${CI:-}" != true ] || export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"
    case "${1:-}" in
    --engines-only)
        shift
        [ $# -gt 0 ] || { usage >&2 && exit 2; }
        for_tests=no
        provision
        run_attached "$@"
        ;;
    --)
        shift
        enter_project
        provision
        run_some_tests "$@"
        ;;
    '')
        enter_project
        provision
        run_everything
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
}

enter_project() {
    cd "$(dirname "${BASH_SOURCE[0]}")"
    ensure_rust
}

main "$@"
