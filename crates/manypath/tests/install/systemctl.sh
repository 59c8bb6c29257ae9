#!/bin/sh -eu
# Plays systemctl where no systemd runs: it starts what the unit says, as the unit's user and with its
# rights, and leaves links to the real one.
echo "$*" >> "$STATE/calls"
unit=/usr/local/lib/systemd/system/manypath-hub.service
value() { sed -n "s/^$1=//p" $unit; }
lower() { value "$1" | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g'; }

start() {
  user=$(value User)
  for folder in /run/$(value RuntimeDirectory) /var/lib/$(value StateDirectory); do
    mkdir -p "$folder"
    chown -R "$user:" "$folder"
  done
  setsid setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs \
    --inh-caps "-all,$(lower AmbientCapabilities)" --ambient-caps "-all,$(lower AmbientCapabilities)" \
    --bounding-set "-all,$(lower CapabilityBoundingSet)" \
    $(value ExecStart) >> "$STATE/log" 2>&1 < /dev/null &
  echo $! > "$STATE/pid"
}

stop() {
  kill "$(cat "$STATE/pid")"
  while kill -0 "$(cat "$STATE/pid")" 2> /dev/null; do sleep 0.05; done
  rm "$STATE/pid"
}

case "$1" in
  show)
    state=inactive pid=0
    if [ -e "$STATE/pid" ] && kill -0 "$(cat "$STATE/pid")" 2> /dev/null; then
      state=active pid=$(cat "$STATE/pid")
    fi
    printf 'ActiveState=%s\nMainPID=%s\nNeedDaemonReload=no\n' $state "$pid"
    ;;
  daemon-reload) ;;
  start) start ;;
  restart) stop; start ;;
  enable) exec /usr/bin/systemctl --root=/ enable "$2" ;;
  disable)
    [ "$2" = --now ]
    if [ -e "$STATE/pid" ]; then stop; fi
    exec /usr/bin/systemctl --root=/ disable "$3"
    ;;
  *) exec /usr/bin/systemctl "$@" ;;
esac
