# Runs a PostgreSQL server for as long as standard input stays open.
# usage: sh -c SCRIPT watchdog FOLDER TEMPLATE DATA LOG LINGER POSTGRES [ARGUMENT]...
folder=$1 template=$2 data=$3 log=$4 linger=$5 postgres=$6
shift 6

exec 3<&0 </dev/null >>"$log" 2>&1

# An ephemeral server starts from a copy of the template. It is made here and not by the program, so
# that a program killed half-way leaves no folder behind.
if [ -n "$template" ] && ! cp -Rp "$template" "$data"; then
  rm -rf "$folder"
  exit 1
fi

"$postgres" -D "$data" "$@" 3<&- &
server=$!

# Waits for the end of input, then stops the server. INT is repeated because a server that is only
# just starting does not listen for it yet; further ones do nothing.
(
  while :; do
    while read -r _; do :; done
    [ "$linger" -gt 0 ] || break
    # The input of a shared server is a named pipe, which ends when nobody has it open and goes on when
    # somebody comes: who comes writes a line.
    sleep "$linger"
    read -r _ || break
  done
  nap=
  trap 'kill "$nap" 2>/dev/null; wait "$nap"; exit 0' TERM
  for signal in INT INT INT INT INT INT QUIT QUIT KILL; do
    kill -s "$signal" "$server" 2>/dev/null
    sleep 1 &
    nap=$!
    wait "$nap"
  done
) <&3 3<&- &
stopper=$!
exec 3<&-

# Only the end of input stops the server: a service manager that signals the whole group must not
# leave it without a watchdog.
trap '' HUP INT TERM
wait "$server"
kill "$stopper" 2>/dev/null
wait "$stopper"
rm -rf "$folder"
