import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../../../platform/clock'

/** Time that passes when a test says so. */
export class TestClock implements Clock {
  #now = Date.parse('2026-01-01T00:00:00Z')
  readonly #sleeping = new Set<{ readonly until: number; readonly wake: () => void }>()

  readonly now = () => this.#now

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const entry = { until: this.#now + milliseconds, wake: resolve }
      this.#sleeping.add(entry)
      signal?.addEventListener('abort', () => {
        this.#sleeping.delete(entry)
        reject(signal.reason)
      })
    })
  }

  get sleeping(): number {
    return this.#sleeping.size
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds
    for (const entry of [...this.#sleeping]) {
      if (entry.until > this.#now) continue
      this.#sleeping.delete(entry)
      entry.wake()
    }
  }
}

export interface TestCertificate {
  readonly cert: string
  readonly key: string
}

/** A self-signed certificate for `localhost` and 127.0.0.1, made by openssl in `folder`; good for a day. */
export function makeCertificate(folder: string, name: string): TestCertificate {
  const path = (extension: string) => join(folder, `${name}.${extension}`)
  execFileSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '1',
      ],
      ...['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-keyout', path('key'), '-out', path('crt')],
    ],
    { stdio: 'ignore' },
  )
  return { cert: readFileSync(path('crt'), 'utf8'), key: readFileSync(path('key'), 'utf8') }
}

/** A program of the machine's own shell. */
export function writeScript(path: string, body: string): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\n${body}\n`)
  chmodSync(path, 0o755)
  return path
}

/** An unsigned JSON Web Token: who looks at its expiry does not look at its signature. */
export function makeToken(expiry: number, subject = 'me'): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ sub: subject, exp: Math.floor(expiry / 1000) })}.c2lnbmF0dXJl`
}

/** Whether there is a kubectl to compare with, of minor version `oldest` of Kubernetes 1 at least; else why not. */
export function findKubectl(oldest: number): { readonly found: boolean; readonly why: string } {
  try {
    const printed = execFileSync('kubectl', ['version', '--client', '-o', 'json'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const version = /"minor": "(\d+)/.exec(printed)?.[1] ?? '0'
    return { found: Number(version) >= oldest, why: `kubectl is 1.${version}, and older than 1.${oldest}` }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return { found: false, why: `no kubectl that runs on the PATH, ${code ?? 'it failed'}` }
  }
}
