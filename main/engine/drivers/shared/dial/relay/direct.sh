# One connection to localhost:$1 over stdin and stdout with the tool $2, where an image has no interpreter for a relay.
# Prints one line first: OK or REFUSED, as /proc/net/tcp says; none of these tools tells it in a way that can be told
# apart from what the app sends.
port=$1
tool=$2
hex=$(printf '%04X' "$port")
address=
known=
look() {
  [ -r "$1" ] || return 0
  known=1
  while read -r _ local _ state _; do
    [ "$state" = 0A ] || continue
    case $local in
      0100007F:"$hex" | 00000000:"$hex" | 00000000000000000000000000000000:"$hex" | 0000000000000000FFFF00000100007F:"$hex")
        address=127.0.0.1
        return 0
        ;;
      00000000000000000000000001000000:"$hex") address=${address:-::1} ;;
    esac
  done < "$1"
}
look /proc/net/tcp
[ "$address" = 127.0.0.1 ] || look /proc/net/tcp6
if [ -z "$address" ]; then
  if [ -n "$known" ]; then
    echo REFUSED
    exit 0
  fi
  address=127.0.0.1
fi
echo OK
case $tool in
  socat)
    # Once one side has ended it gives the other two seconds, and only then tells that one: the last choice for that.
    if [ "$address" = ::1 ]; then
      exec socat -b65536 -t2 - "TCP6:[::1]:$port,nodelay"
    fi
    exec socat -b65536 -t2 - "TCP4:127.0.0.1:$port,nodelay"
    ;;
  nc-N) exec nc -N "$address" "$port" ;;
  nc) exec nc "$address" "$port" ;;
  busybox) exec busybox nc "$address" "$port" ;;
  bash)
    exec bash -c 'exec 3<>"/dev/tcp/$1/$2" 4<&0 || exit 1
      cat <&4 >&3 & writer=$!
      cat <&3
      kill "$writer" 2>/dev/null' berth "$address" "$port"
    ;;
esac
