/** Folders of a volume that is being restored; a volume at rest has none of them. */
const own = ['.berth-restoring', '.berth-restored', '.berth-swapping', '.berth-replaced'] as const
const [restoring, restored, swapping, replaced] = own

/** Exit code where the disk has no room left, which no tool of the script uses. */
export const DISK_FULL = 74

/**
 * Copies and replaces folders with data: a POSIX shell, cp, mv, mkdir, rm, rmdir and du are all that it needs. `cp -a`
 * keeps owners, modes, times and hard links; GNU's also holes and extended attributes.
 *
 * - `snapshot FROM TO FROM TO …` prints for each pair `bytes NUMBER`.
 * - `restore FROM TO FROM TO …` makes each TO what its FROM is, all of them or none: the copies are made beside the old,
 *   then are declared whole, and only then the old goes away. A folder cannot be swapped for another at once where it
 *   is mounted, so its entries are moved; whatever has died on the way, `mend` goes on from there.
 * - `prepare FROM TO FROM TO …` makes the copies and leaves the old; `finish TO TO …` is the rest of a restore, which goes
 *   on from wherever it was broken off. For restores of which no one shell sees all, and somebody else declares the
 *   copies whole: before that is said, `mend` takes them away.
 * - `mend FOLDER FOLDER …` (all of one restore) prints `restored` where the copies were whole, and `kept` else.
 */
export const dataScript = `
umask 077
fail() {
  case $1 in *[Nn]o\\ space\\ left*|*quota\\ exceeded*) code=${DISK_FULL} ;; *) code=1 ;; esac
  echo "$1" >&2
  exit $code
}
copy() {
  said=$(cp -a "$1/." "$2/" 2>&1) || fail "$said"
}
entries() {
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    case "\${entry##*/}" in ${own.join('|')}) continue ;; esac
    mv -f "$entry" "$2/" || exit 1
  done
}
swap() {
  if [ -d "$1/${restored}" ]; then
    mkdir -p "$1/${replaced}" || exit 1
    entries "$1" "$1/${replaced}"
    mv "$1/${restored}" "$1/${swapping}" || exit 1
  fi
  [ -d "$1/${swapping}" ] || return 0
  entries "$1/${swapping}" "$1"
  # What is left is an empty folder with the owner, mode and times that the volume itself is to have.
  cp -a "$1/${swapping}/." "$1/" || exit 1
  rmdir "$1/${swapping}" || exit 1
}
mend() {
  whole=
  for folder; do
    if [ -d "$folder/${restored}" ] || [ -d "$folder/${swapping}" ]; then whole=yes; fi
  done
  for folder; do
    if [ -n "$whole" ] && [ -d "$folder/${restoring}" ]; then
      mv "$folder/${restoring}" "$folder/${restored}" || exit 1
    fi
    rm -rf "$folder/${restoring}"
  done
  for folder; do swap "$folder"; done
  for folder; do rm -rf "$folder/${replaced}"; done
}
verb=$1; shift
case $verb in
snapshot)
  while [ $# -gt 1 ]; do
    [ -d "$1" ] || fail "there is no folder $1"
    copy "$1" "$2"
    size=$(du -sk "$2" 2>/dev/null) || size=0
    size=\${size%%[!0-9]*}
    echo "bytes $((\${size:-0} * 1024))"
    shift 2
  done
  sync
  ;;
restore|prepare)
  folders=$#
  number=0
  while [ $number -lt $folders ]; do
    from=$1; to=$2; shift 2
    [ -d "$from" ] || fail "there is no folder $from"
    set -- "$@" "$to"
    number=$((number + 2))
    rm -rf "$to/${restoring}"
    mkdir "$to/${restoring}" || exit 1
    copy "$from" "$to/${restoring}"
  done
  sync
  [ "$verb" = prepare ] && exit 0
  for folder; do mv "$folder/${restoring}" "$folder/${restored}" || exit 1; done
  mend "$@"
  sync
  ;;
finish)
  for folder; do
    [ -d "$folder/${restoring}" ] || continue
    mv "$folder/${restoring}" "$folder/${restored}" || exit 1
  done
  mend "$@"
  sync
  ;;
mend)
  mend "$@"
  if [ -n "$whole" ]; then echo restored; else echo kept; fi
  ;;
esac
exit 0
`
