#!/bin/bash
# How much processor time Kontrast takes to read logs into its store, against `kubectl logs -f > /dev/null`, both
# following the same containers of the same embedded clusters, in turns.
#
#   tests/checker/cpu.sh [SCENARIO] [ROUNDS] [SECONDS]     soak.toml (or few.toml), 5 rounds, 20 s of each reader
#   tests/checker/cpu.sh idle [SECONDS]                    300 quiet containers, without and with a screen (tmux)
#
# Readers: `kontrast contrast` (everything but printing: it prints at the end), `kontrast logs` into /dev/null, and one
# `kubectl logs -f -l` per context into /dev/null. All begin with the last second. A reader runs alone; its time is counted (user and system, by
# /proc/PID/stat, all threads) over SECONDS from three seconds after its start. The containers write
# LINES_A_SECOND (default 20100); that a reader keeps up is seen by what its sockets received, as the kernel tells it (ss): the same
# each round (kubectl receives no stamps, and less for it). KONTRAST is the program (default: target/release/kontrast),
# SERVER the one that runs the clusters (default: KONTRAST), READERS the readers; OUT (default: target/checker) is where
# files go.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
kontrast=${KONTRAST:-$root/target/release/kontrast}
server=${SERVER:-$kontrast}
out=${OUT:-$root/target/checker}
kubectl=${KUBECTL:-kubectl}
readers=${READERS:-contrast logs kubectl}
contexts=${CONTEXTS:-dev,staging,prod}
lines=${LINES_A_SECOND:-20100}
export KONTRAST_CONFIG_DIR="$out"
mkdir -p "$out"

serve() {
    rm -f "$out/served"
    "$server" demo --serve --scenario "$1" --seed 1 --write-kubeconfig "$out/kubeconfig.yaml" > "$out/served" &
    serving=$!
    trap 'kill $serving 2>/dev/null || true' EXIT
    while [ ! -s "$out/served" ]; do
        kill -0 $serving
        sleep 0.1
    done
}

# User and system time of processes so far, in ticks of 10 ms, children that ended left out.
ticks() {
    local pid
    for pid in "$@"; do cat "/proc/$pid/stat"; done | awk '{ sub(/.*\) /, ""); sum += $12 + $13 } END { print sum + 0 }'
}

# Switches from one thread to another, of all threads of processes.
switches() {
    local pid
    for pid in "$@"; do cat /proc/"$pid"/task/*/status 2>/dev/null; done |
        awk '/ctxt_switches/ { sum += $2 } END { print sum + 0 }'
}

# Bytes that all sockets of processes received.
received() {
    local pids=" $* "
    ss -tinpH | awk -v pids="$pids" '
        /pid=/ { match($0, /pid=[0-9]+/); mine = index(pids, " " substr($0, RSTART + 4, RLENGTH - 4) " ") }
        mine && match($0, /bytes_received:[0-9]+/) { sum += substr($0, RSTART + 15, RLENGTH - 15); mine = 0 }
        END { printf "%d\n", sum }'
}

# Starts a reader; its processes are in $pids.
start() {
    pids=
    case $1 in
        contrast) "$kontrast" contrast --kubeconfig "$out/kubeconfig.yaml" --context "$contexts" -n shop -s 1s --for 1h \
            > /dev/null 2> "$out/stderr" & pids=$! ;;
        logs) "$kontrast" logs --kubeconfig "$out/kubeconfig.yaml" --context "$contexts" -n shop -s 1s --for 1h \
            -o "${PRINT:-text}" > /dev/null 2> "$out/stderr" & pids=$! ;;
        kubectl)
            local context
            for context in ${contexts//,/ }; do
                "$kubectl" --kubeconfig "$out/kubeconfig.yaml" --context "$context" -n shop logs -f -l app=gen \
                    --since 1s --tail -1 --max-log-requests 200 --prefix=false > /dev/null 2>> "$out/stderr" &
                pids="$pids $!"
            done ;;
    esac
}

# What a reader takes over so many seconds: "ticks bytes switches".
measure() {
    local before bytes switched
    start "$1"
    sleep 3
    before=$(ticks $pids) bytes=$(received $pids) switched=$(switches $pids)
    sleep "$2"
    echo "$(($(ticks $pids) - before)) $(($(received $pids) - bytes)) $(($(switches $pids) - switched))" > "$out/measured"
    kill -TERM $pids
    wait $pids 2>/dev/null || true
}

idle() {
    local seconds=${1:-60} before
    serve "$here/quiet.toml"
    for how in without with; do
        if [ $how = without ]; then
            start logs
        else
            tmux -L kontrast-idle new-session -d -x 160 -y 48 "exec '$kontrast' --kubeconfig '$out/kubeconfig.yaml' \
                --context '$contexts' -n shop"
            pids=$(tmux -L kontrast-idle list-panes -F '#{pane_pid}')
        fi
        sleep 15
        before=$(ticks $pids) switched=$(switches $pids)
        sleep "$seconds"
        echo "$how a screen: $(($(ticks $pids) - before)) ticks of 10 ms and $(($(switches $pids) - switched)) switches" \
            "in $seconds s: $(awk -v t=$(($(ticks $pids) - before)) -v s="$seconds" 'BEGIN { printf "%.2f", t / s }') % of a core"
        kill -TERM $pids
        wait 2>/dev/null $pids || true
    done
    tmux -L kontrast-idle kill-server 2>/dev/null || true
}

if [ "${1:-}" = idle ]; then
    idle "${2:-60}"
    exit
fi
scenario=${1:-soak.toml}
rounds=${2:-5}
seconds=${3:-20}
[ -e "$scenario" ] || scenario=$here/$scenario
serve "$scenario"
: > "$out/figures"
for round in $(seq "$rounds"); do
    for reader in $readers; do
        measure "$reader" "$seconds"
        echo "$round $reader $(cat "$out/measured")" | tee -a "$out/figures"
    done
done
awk -v lines="$lines" -v seconds="$seconds" '
    {
        cost[$1, $2] = $3 / 100 / (lines * seconds) * 1e6; readers[$2]
        bytes[$2] += $4; switches[$2] += $5
        if ($1 > rounds) rounds = $1
    }
    function median(list, n,    i, j, t) {
        for (i = 2; i <= n; i++)
            for (j = i; j > 1 && list[j - 1] > list[j]; j--) { t = list[j]; list[j] = list[j - 1]; list[j - 1] = t }
        return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
    }
    END {
        for (reader in readers) {
            for (i = 1; i <= rounds; i++) {
                own[i] = cost[i, reader]
                ratio[i] = ("kubectl" in readers) ? cost[i, reader] / cost[i, "kubectl"] : 0
            }
            printf "%-9s %6.2f CPU-s per million lines, %.2f x kubectl (medians of %d), %.0f bytes and %.2f switches a line\n", \
                reader, median(own, rounds), median(ratio, rounds), rounds, \
                bytes[reader] / rounds / lines / seconds, switches[reader] / rounds / lines / seconds
        }
    }' "$out/figures"
