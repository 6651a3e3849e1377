# Runs in guests at every boot, by cloud-init's bootcmd: runs user scripts, in order and each once in an instance's life.
# usage: sh -c "$(cat pre-network.sh)" cloudia-pre-network FOLDER [NAME BASE64]..., where FOLDER keeps them. Fails if one
# of them does, which does not keep the others from running.
set -u
umask 077
folder=$1 failed=0
shift

run_once() { # NAME BASE64
  printf '%s' "$2" | base64 -d >"$folder/$1" && chmod 700 "$folder/$1" && cloud-init-per instance "cloudia_$1" "$folder/$1"
}

mkdir -p "$folder"
while [ $# -gt 1 ]; do
  run_once "$1" "$2" || failed=1
  shift 2
done
exit $failed
