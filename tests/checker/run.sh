#!/bin/sh
# Runs `kontrast logs` against embedded clusters with numbered lines and checks what it printed.
#
#   tests/checker/run.sh soak [SECONDS]      3 clusters x 100 pods, 20,000 lines/s, nothing goes wrong
#   tests/checker/run.sh storm [SECONDS]     the same while every stream is cut every 1-20 s in every form
#   tests/checker/run.sh rotation [SECONDS]  60 containers whose files are renamed, with cuts, restarts, deletions
#   tests/checker/run.sh outage [SECONDS]    60 containers through a black hole of 30 s and a restart of every server
#   tests/checker/run.sh FILE.toml [SECONDS] another scenario with numbered containers
#
# SECONDS is 60 without it. KONTRAST is the program (default: target/release/kontrast, which must be built), SEED the
# seed (default 1). What was printed and recorded stays in OUT (default: target/checker).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
kontrast=${KONTRAST:-$root/target/release/kontrast}
out=${OUT:-$root/target/checker}
case ${1:-storm} in
    *.toml) scenario=$1 ;;
    *) scenario=$here/${1:-storm}.toml ;;
esac
seconds=${2:-60}
export CARGO_TARGET_DIR="$root/target/checker-build"
cargo build --quiet --release --manifest-path "$here/Cargo.toml"
checker=$CARGO_TARGET_DIR/release/kontrast-checker
mkdir -p "$out"
rm -f "$out/served" "$out/control" "$out/record.ndjson" "$out/output.ndjson"
KONTRAST_CONFIG_DIR="$out" "$kontrast" demo --serve --scenario "$scenario" --seed "${SEED:-1}" \
    --write-kubeconfig "$out/kubeconfig.yaml" --control "$out/control" > "$out/served" &
server=$!
# The server takes its files away when it ends, which are those of the next run if nobody waits for it.
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true' EXIT
while [ ! -s "$out/served" ]; do
    kill -0 $server
    sleep 0.1
done
# User and system time of a process so far, in ticks of 10 ms.
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
contexts=${CONTEXTS:-dev,staging,prod}
before=$(ticks $server)
began=$(date +%s)
KONTRAST_CONFIG_DIR="$out" "$kontrast" logs --kubeconfig "$out/kubeconfig.yaml" --context "$contexts" -n shop \
    --for "${seconds}s" -o ndjson > "$out/output.ndjson" 2> "$out/stderr" &
client=$!
used=0
while kill -0 $client 2>/dev/null; do
    now=$(ticks $client 2>/dev/null) && used=${now:-$used}
    sleep 0.5
done
status=0
wait $client || status=$?
after=$(ticks $server)
"$checker" --ask "$out/control" "record $out/record.ndjson"
echo "kontrast logs: exit status $status, $used ticks of CPU; clusters: $((after - before)) ticks (100 a second)"
cat "$out/stderr"
"$checker" "$out/output.ndjson" "$out/record.ndjson" --from "$began" ${CHECK:-}
