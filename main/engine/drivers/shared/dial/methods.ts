import type { ExecOptions, ExecProcess } from '../../driver'
import nodeSource from './relay/relay.cjs?raw'
import perlSource from './relay/relay.pl?raw'
import pythonSource from './relay/relay.py?raw'

export type RelayMethod = 'node' | 'python3' | 'perl'
export type DirectMethod = 'socat' | 'nc-N' | 'nc' | 'busybox' | 'bash'
export type Method = RelayMethod | DirectMethod

/** The part of a driver's exec that dialling needs. */
export type Exec = (id: string, options: ExecOptions, signal: AbortSignal) => Promise<ExecProcess>

/** Marks the relay in the workspace's process list, for people and for Berth's own port detection. */
export const RELAY_NAME = 'berth-relay'

/**
 * Best first. A relay is one process for all connections; the others cost a process per connection. Among the relays
 * Perl starts quickest and takes least memory (about 25 ms and 6 MB; Node 80 ms and 40 MB) and is no slower.
 */
export const relayMethods: readonly RelayMethod[] = ['perl', 'python3', 'node']

export function isRelayMethod(method: Method): method is RelayMethod {
  return (relayMethods as readonly Method[]).includes(method)
}

const sources: Readonly<Record<RelayMethod, string>> = {
  node: nodeSource,
  python3: pythonSource,
  perl: perlSource,
}

/**
 * The program itself goes through stdin, ahead of the frames: so that `ps` in the workspace shows one short line
 * instead of the whole source. The loader reads exactly its bytes and not one more.
 */
export function relayProgram(method: RelayMethod): { command: readonly string[]; source: Buffer } {
  const source = Buffer.from(sources[method])
  const size = source.length
  const loaders: Readonly<Record<RelayMethod, readonly string[]>> = {
    node: [
      'node',
      '-e',
      `const f=require('fs'),b=Buffer.alloc(${size});for(let o=0,n;o<${size};o+=n){try{n=f.readSync(0,b,o,${size}-o);if(!n)process.exit(0)}catch(e){if(e.code!=='EAGAIN')throw e;n=0}}new Function('require',b.toString())(require)`,
      RELAY_NAME,
    ],
    python3: [
      'python3',
      '-c',
      `import os\ns=b''\nwhile len(s)<${size}:\n d=os.read(0,${size}-len(s))\n if not d: os._exit(0)\n s+=d\nexec(compile(s,'relay','exec'))`,
      RELAY_NAME,
    ],
    perl: [
      'perl',
      '-e',
      `my $s='';while(length($s)<${size}){sysread(STDIN,$s,${size}-length($s),length($s))or exit}eval "$s;1" or die $@`,
      RELAY_NAME,
    ],
  }
  return { command: loaders[method], source }
}

/** Prints the methods that an image has, best first, one per line. */
export const probeCommand: readonly string[] = [
  'sh',
  '-c',
  `for t in perl python3 node; do command -v $t >/dev/null 2>&1 && echo $t; done
if command -v nc >/dev/null 2>&1; then
  case $(nc -h 2>&1) in *BusyBox*) echo nc ;; *-N*) echo nc-N ;; *) echo nc ;; esac
elif command -v busybox >/dev/null 2>&1 && busybox nc --help >/dev/null 2>&1; then echo busybox; fi
command -v bash >/dev/null 2>&1 && command -v cat >/dev/null 2>&1 && echo bash
command -v socat >/dev/null 2>&1 && echo socat
exit 0`,
]

export function parseProbe(output: string): readonly Method[] {
  const known: readonly string[] = [...relayMethods, 'nc-N', 'nc', 'busybox', 'bash', 'socat']
  return output.split('\n').filter((line): line is Method => known.includes(line))
}
