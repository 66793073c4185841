/** What is looked at in a workspace, by what it is about: equal texts on both drivers mean the same for who works there. */
export type Look = Readonly<Record<string, string>>

/**
 * Prints what {@link readLook} reads, a subject on each line. It needs nothing but what busybox has as well. Arguments:
 * folders that are looked at besides the source, the home and `/tmp`.
 */
export const lookScript = `
say() { printf '%s\\t' "$1"; shift; "$@" 2>&1 | tr '\\n' '\\1'; echo; }
say user id
say folder pwd
say umask umask
say limits sh -c 'ulimit -a'
say 'blocked and ignored signals' sed -n '/^Sig[BI]/p' /proc/self/status
say privileges sed -n '/^\\(NoNewPrivs\\|CapEff\\|CapBnd\\|Seccomp\\):/p' /proc/self/status
say terminal sh -c 'for fd in 0 1 2; do [ -t $fd ] && echo yes || echo no; done'
say input wc -c
say 'time zone' date +%Z
say 'shared memory' sh -c 'df -k /dev/shm | tail -n 1'
say 'user of the first process' sh -c 'stat -c %U:%G /proc/1'
say hosts sh -c 'sed -n "s/^127.0.0.1[[:space:]]*//p" /etc/hosts | tr "\\\\t" "\\\\n" | sort'
say zombies sh -c '(sh -c "exit 1" & exec sleep 0.3) & wait; for look in $(seq 50); do left=$(grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l); [ "$left" != 0 ] || break; sleep 0.2; done; echo "$left"'
env -0 | tr '\\n\\0' '\\1\\n' | sed 's/^\\([^=]*\\)=/env \\1\\t/'
awk '{print "mount " $5 "\\t" ($6 ~ /(^|,)ro(,|$)/ ? "ro" : "rw")}' /proc/self/mountinfo
for folder in "$PWD" "$HOME" /tmp "$@"; do
  find "$folder" -xdev ! -path '*/.git/*' ! -path '*/.berth*' ! -path '/tmp/berth-*' ! -path '/tmp/dev-container-features*' | sort | while read -r file; do
    printf 'file %s\\t%s ' "$file" "$(stat -c '%A %U:%G' "$file")"
    if [ -L "$file" ]; then readlink "$file"
    elif [ -f "$file" ] && [ "$(stat -c %s "$file")" -lt 2000 ]; then tr '\\n' '\\1' <"$file"; echo
    elif [ -f "$file" ]; then md5sum "$file"
    else echo; fi
  done
done
`

/** Throws where the output is not the script's. */
export function readLook(output: string): Look {
  const look: Record<string, string> = {}
  for (const line of output.split('\n').filter(Boolean)) {
    const [subject, ...rest] = line.split('\t')
    if (subject === undefined || rest.length === 0)
      throw new Error(`The script printed something else: ${line}`)
    look[subject] = rest.join('\t').replaceAll('\x01', '\n').trimEnd()
  }
  if (look.user === undefined) throw new Error(`The script printed something else: ${output.slice(0, 400)}`)
  return look
}
