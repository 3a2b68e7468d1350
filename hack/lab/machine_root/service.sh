#!/bin/bash
# service.sh NAME COMMAND...: keeps COMMAND running, as an init system does, until /run/lab/NAME.stopped exists.
# A kubelet that meets a containerd which is not ready yet exits; this starts it again.
name=$1
shift
echo $$ > "/run/lab/$name.supervisor"
while [ ! -e "/run/lab/$name.stopped" ]; do
  "$@" >> "/var/log/$name.log" 2>&1 &
  echo $! > "/run/lab/$name.pid"
  wait $!
  sleep 0.3
done
rm -f "/run/lab/$name.supervisor" "/run/lab/$name.pid"
