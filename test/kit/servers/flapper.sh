#!/bin/sh
# A command that flaps: `flapper.sh STARTS CALM` adds a line to STARTS, echoes, and ends after 2 s
# unless there is a file CALM. A shell, as the start of a larger program is felt by all others.
starts=$1 calm=$2
# When the kernel made it, in 10 ms since its own start (proc(5)): it may have waited for its turn.
read -r stat < /proc/$$/stat
set -- $stat
echo "${22}0" >> "$starts"
(
  sleep 2
  while [ -e "$calm" ]; do sleep 0.1; done
  kill $$
) <&- >&- 2>&- &
while IFS= read -r line; do
  case $line in *'"id":'*) ;; *) continue ;; esac
  id=${line#*'"id":'}
  id=${id%%,*}
  case $line in
    *'"method":"initialize"'*)
      own='"serverInfo":{"name":"flapper","version":"1"}'
      result="{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},$own}" ;;
    *'"method":"tools/list"'*)
      schema='{"type":"object","properties":{"text":{"type":"string"}}}'
      result="{\"tools\":[{\"name\":\"echo\",\"inputSchema\":$schema}]}" ;;
    *'"method":"tools/call"'*)
      text=${line#*'"text":"'}
      result="{\"content\":[{\"type\":\"text\",\"text\":\"${text%%\"*}\"}]}" ;;
    *) result='{}' ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
