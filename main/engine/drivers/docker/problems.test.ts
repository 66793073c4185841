import { describe, expect, it } from 'vitest'
import { cancelled } from '#contract'
import { SshError } from './connection/ssh-socket'
import { EngineError, toEngineProblem } from './problems'

const context = { title: 'It failed', targetName: 'default', endpoint: 'unix:///var/run/docker.sock' }
const codeOf = (error: unknown, more = {}) => toEngineProblem(error, { ...context, ...more }).problem.code
const system = (code: string, message = code) => Object.assign(new Error(message), { code })

describe('toEngineProblem', () => {
  it.each([
    [system('ENOENT'), 'target-unreachable'],
    [system('ECONNREFUSED'), 'target-unreachable'],
    [system('EACCES'), 'target-forbidden'],
    [system('ECONNRESET', 'socket hang up'), 'connection-lost'],
    [system('EPIPE'), 'connection-lost'],
    [system('CERT_HAS_EXPIRED'), 'tls-failed'],
    [system('DEPTH_ZERO_SELF_SIGNED_CERT'), 'tls-failed'],
    [system('ERR_TLS_CERT_ALTNAME_INVALID'), 'tls-failed'],
    [new EngineError(403, 'no'), 'target-forbidden'],
    [new EngineError(404, 'No such container: x'), 'workspace-gone'],
    [new EngineError(409, 'Container x is not running'), 'workspace-not-running'],
    [new EngineError(500, 'mkdir: no space left on device'), 'disk-full'],
    [new SshError('ssh ended', 'Host key verification failed.'), 'ssh-host-key'],
    [new SshError('ssh ended', 'root@h: Permission denied (publickey).'), 'ssh-failed'],
    [new SshError('ssh ended', 'bash: line 1: docker: command not found'), 'ssh-failed'],
    [cancelled(), 'cancelled'],
  ])('%s', (error, code) => {
    expect(codeOf(error)).toBe(code)
    if (code !== 'cancelled' && !['workspace-gone', 'disk-full'].includes(code)) {
      expect(toEngineProblem(error, context).problem.cause).not.toBe('')
    }
  })

  it('names the remedy: the group for a socket, the start for an engine that is down', () => {
    expect(toEngineProblem(system('EACCES'), context).problem.remedy).toContain('docker group')
    expect(toEngineProblem(system('ENOENT'), context).problem.remedy).toMatch(/start/i)
  })

  it('says cancelled when the signal was aborted, whatever broke because of it', () => {
    const controller = new AbortController()
    controller.abort()
    expect(codeOf(system('ECONNRESET'), { signal: controller.signal })).toBe('cancelled')
  })
})
