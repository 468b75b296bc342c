#!/bin/sh
# Runs `kontrast logs` against embedded clusters with numbered lines and checks what it printed; README.md says what
# each run proves.
#
#   tests/checker/run.sh soak|storm|rotation|outage|stall|restart|neighbour|churn|idle|skew|FILE.toml [SECONDS]
#
# SECONDS is 60 without it, and more where a run needs more. KONTRAST is the program (default: target/release/kontrast,
# which must be built), SEED the seed (default 1), RATE the lines a second of each container; STRICT=1 runs it with
# --strict. What was printed and recorded stays in OUT (default: target/checker). Exit status 1: a promise is broken;
# 2: the run itself failed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
kontrast=${KONTRAST:-$root/target/release/kontrast}
out=${OUT:-$root/target/checker}
name=${1:-storm}
contexts=${CONTEXTS:-dev,staging,prod}
limits=
least=20
case $name in
    outage) least=110 limits='--noticed 45' ;;
    stall) least=85 limits='--noticed 45' ;;
    restart) least=50 limits='--back 10 --opening 32 --in-a-second 50' ;;
    churn) least=75 ;;
    idle) least=40 ;;
esac
case $name in
    *.toml) scenario=$name ;;
    *) scenario=$here/$name.toml ;;
esac
# Another rate of lines for each container.
if [ -n "${RATE:-}" ]; then
    mkdir -p "$out"
    sed "s/^rate = .*/rate = $RATE/" "$scenario" > "$out/scenario.toml"
    scenario=$out/scenario.toml
fi
seconds=${2:-60}
[ "$seconds" -ge "$least" ] || [ -n "${2:-}" ] || seconds=$least
export CARGO_TARGET_DIR="$root/target/checker-build"
cargo build --quiet --release --manifest-path "$here/Cargo.toml"
checker=$CARGO_TARGET_DIR/release/kontrast-checker
mkdir -p "$out"
server=
# The server takes its files away when it ends, which are those of the next run if nobody waits for it.
stop() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
    server=
}
trap stop EXIT
# User and system time of a process so far, in ticks of 10 ms.
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat" 2>/dev/null; }
# Open files and threads of a process.
holds() { echo "$(ls "/proc/$1/fd" | wc -l) $(ls "/proc/$1/task" | wc -l)"; }
ask() { "$checker" --ask "$out/control" "$1" > "$out/asked" || { echo "run.sh: the clusters do not obey: $1" >&2; exit 2; }; }

serve() {
    rm -f "$out/served" "$out/control" "$out/record.ndjson" "$out/output.ndjson"
    KONTRAST_CONFIG_DIR="$out" "$kontrast" demo --serve --scenario "$scenario" --seed "${SEED:-1}" \
        --write-kubeconfig "$out/kubeconfig.yaml" --control "$out/control" > "$out/served" &
    server=$!
    while [ ! -s "$out/served" ]; do
        kill -0 "$server" || { echo "run.sh: the clusters did not start" >&2; exit 2; }
        sleep 0.1
    done
}

# Follows for so many seconds; calls `during SECOND PID` each second.
follow() {
    before=$(ticks $server)
    began=$(date +%s)
    KONTRAST_CONFIG_DIR="$out" "$kontrast" logs --kubeconfig "$out/kubeconfig.yaml" --context "$contexts" -n shop \
        --for "${seconds}s" ${STRICT:+--strict} -o ndjson > "$1" 2> "$out/stderr" &
    client=$!
    used=0
    while kill -0 $client 2>/dev/null; do
        now=$(ticks $client) && used=${now:-$used}
        during $(($(date +%s) - began)) $client
        sleep 1
    done
    status=0
    wait $client || status=$?
    after=$(ticks $server)
    ask "record $out/record.ndjson"
    echo "kontrast logs: exit status $status, $used ticks of CPU; clusters: $((after - before)) ticks (100 a second)"
    cat "$out/stderr"
}
during() { :; }

check() {
    "$checker" "$out/output.ndjson" "$out/record.ndjson" --from "$began" $limits \
        ${STRICT:+--strict "$status"} ${CHECK:-}
}

# Lines stamped as they leave the client's pipe: for all clusters, once without a fault and once with one.
neighbour() {
    fault=${FAULT:-'{kind = "black-hole", cluster = "prod", for = "1h"}'}
    rm -f "$out/pipe"
    mkfifo "$out/pipe"
    for run in sound faulty; do
        serve
        [ $run = sound ] || ask "$fault"
        "$checker" --stamp "$out/$run.lag" < "$out/pipe" > "$out/output.ndjson" &
        stamper=$!
        follow "$out/pipe"
        wait $stamper
        stop
    done
    "$checker" --compare "$out/sound.lag" "$out/faulty.lag" dev staging
}

# 50 pods a second are deleted and replaced, from the 20th second, when what only the start needed is closed, to 30 s
# before the end. What is held at the end is counted before the client begins to end.
churn() {
    held=
    during() {
        [ "$1" -lt 19 ] || [ -n "$held" ] || {
            held=$(holds "$2")
            ask "{kind = \"delete-pod\", every = \"60ms\", count = 1, until = \"$((seconds - 50))s\"}"
        }
        [ "$1" -gt $((seconds - 4)) ] || last=$(holds "$2" 2>/dev/null) || :
    }
    serve
    follow "$out/output.ndjson"
    echo "files and threads held before: $held, after: $last"
    kept=0
    set -- $held $last
    for change in $(($3 - $1)) $(($4 - $2)); do
        [ "$change" -le 5 ] || { echo "BROKEN: $change more"; kept=1; }
    done
    check || kept=1
    return $kept
}

# From the 15th second on, when all is open.
idle() {
    first=
    during() {
        [ "$1" -lt 15 ] || [ -n "$first" ] || first="$used $1"
        [ "$1" -ge "$seconds" ] || last="$used $1"
    }
    serve
    follow "$out/output.ndjson"
    set -- $first $last
    share=$(awk "BEGIN { print ($3 - $1) / ($4 - $2) }")
    echo "idle: $share % of a core over $(($4 - $2)) s"
    awk "BEGIN { exit !($share <= 1) }" || { echo "BROKEN: more than 1 %"; return 1; }
}

case $name in
    neighbour) neighbour ;;
    churn) churn ;;
    idle) idle ;;
    *) serve; follow "$out/output.ndjson"; check ;;
esac
