import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Driver, WorkspaceSpec } from '../../main/engine/drivers/driver'
import { type DriverHarness, makeWorkspace, never, Recorder, run, sh, specOf, Watcher } from './harness'

export function lifecycleConformance(harness: DriverHarness): void {
  describe('lifecycle', () => {
    let driver: Driver
    const made = new Set<string>()
    const track = (spec: WorkspaceSpec) => {
      made.add(spec.id)
      return spec
    }

    beforeAll(() => {
      driver = harness.open()
    })
    afterEach(async () => {
      for (const id of made) {
        await driver.remove(id, new Recorder(), never)
        expect(await harness.leftovers(id)).toEqual([])
      }
      made.clear()
    })
    afterAll(() => driver.dispose())

    /** What the target itself says of a workspace. */
    const observed = async (id: string) => {
      const watcher = new Watcher(driver)
      try {
        await watcher.until(() => watcher.events.some(({ type }) => type === 'snapshot'), 'a snapshot')
        return watcher.workspaces.get(id)
      } finally {
        await watcher.stop()
      }
    }

    it('says who the engine is', async () => {
      const facts = await driver.probe(never)
      expect(facts.version).toMatch(/\d/)
      expect(facts.apiVersion).toMatch(/^\d+\.\d+$/)
      expect(facts.platform).toMatch(/^linux\/\w+$/)
      expect(facts.latency).toBeGreaterThan(0)
      expect(facts.latency).toBeLessThan(20_000)
    })

    it('looks into an image: user, home, shell, environment', async () => {
      const full = (await specOf(driver, harness.images.full)).image
      expect(full).toMatchObject({
        hasShell: true,
        built: false,
        user: { name: 'root', uid: 0, gid: 0, home: '/root' },
      })
      expect(full.user.shell).toMatch(/sh$/)
      expect(full.env.PATH).toContain('/usr/bin')
      const dev = (await specOf(driver, harness.images.full, { definition: { remoteUser: 'dev' } })).image
        .user
      expect(dev).toMatchObject({ name: 'dev', uid: 1000, home: '/home/dev' })
      const byNumber = (await specOf(driver, harness.images.full, { definition: { containerUser: '1000' } }))
        .image.user
      expect(byNumber).toEqual(dev)
      const stranger = (await specOf(driver, harness.images.full, { definition: { remoteUser: '4711:42' } }))
        .image.user
      expect(stranger).toMatchObject({ uid: 4711, gid: 42, home: '/' })
      const bare = (await specOf(driver, harness.images.bare)).image
      expect(bare.hasShell).toBe(false)
      expect(bare.user.shell).toBeUndefined()
    })

    it('refuses a user that the image does not have', async () => {
      await expect(
        specOf(driver, harness.images.full, { definition: { remoteUser: 'ghost' } }),
      ).rejects.toMatchObject({
        problem: { code: 'user-not-found' },
      })
    })

    it('makes, completes, starts, stops, starts again and removes', async () => {
      const spec = track(await specOf(driver, harness.images.small))
      await driver.create(spec, { replace: false }, new Recorder(), never)
      expect(await observed(spec.id)).toMatchObject({ complete: false, replacing: false, run: 'stopped' })
      await driver.commit(spec.id, never)
      expect(await observed(spec.id)).toMatchObject({
        id: spec.id,
        name: spec.name,
        owner: 'conformance',
        source: spec.source,
        definition: spec.definition,
        image: spec.image.reference,
        user: spec.image.user,
        createdAt: spec.createdAt,
        complete: true,
        run: 'stopped',
      })
      await driver.start(spec.id, new Recorder(), never)
      await driver.start(spec.id, new Recorder(), never)
      const first = await observed(spec.id)
      expect(first).toMatchObject({ run: 'running', replacing: false })
      expect(first?.startedAt).toBeGreaterThan(spec.createdAt - 60_000)
      await run(
        driver,
        spec.id,
        sh('echo kept > /workspaces/app/file; echo kept > ~/file; echo kept > /other'),
      )
      const begun = performance.now()
      await driver.stop(spec.id, { grace: 170_000 }, new Recorder(), never)
      // Asked politely it ends at once, long before the grace is over.
      expect(performance.now() - begun).toBeLessThan(100_000)
      expect(await observed(spec.id)).toMatchObject({ run: 'stopped', complete: true })
      await driver.stop(spec.id, { grace: 1000 }, new Recorder(), never)
      await driver.start(spec.id, new Recorder(), never)
      const second = await observed(spec.id)
      expect(second?.incarnation).not.toBe(first?.incarnation)
      expect((await run(driver, spec.id, sh('cat /workspaces/app/file ~/file'))).stdout).toBe('kept\nkept\n')
      expect((await run(driver, spec.id, sh('cat /other'))).code).toBe(harness.keepsContainerFiles ? 0 : 1)
      await driver.remove(spec.id, new Recorder(), never)
      expect(await observed(spec.id)).toBeUndefined()
      await driver.remove(spec.id, new Recorder(), never)
    })

    it('reaps the orphans of its processes', async () => {
      const spec = track(await makeWorkspace(driver, harness.images.small))
      await run(driver, spec.id, sh('for n in 1 2 3 4 5; do (sleep 0.1 &) ; done'))
      const left = "grep -l -e '^sleep' /proc/[0-9]*/comm; cat /proc/[0-9]*/stat | grep ' Z '"
      // The idle command's own sleep stays.
      const { code } = await run(
        driver,
        spec.id,
        sh(
          `for n in $(seq 600); do [ "$( (${left}) 2>/dev/null | wc -l)" -le 1 ] && exit 0; usleep 100000; done; exit 1`,
        ),
      )
      expect(code).toBe(0)
    })

    it('lets a user who is not root write to source and home', async () => {
      const spec = track(
        await makeWorkspace(driver, harness.images.full, { definition: { remoteUser: 'dev' } }),
      )
      const result = await run(
        driver,
        spec.id,
        sh(
          'touch /workspaces/app/file /workspaces/beside ~/file && stat -c %U /workspaces /workspaces/app ~',
        ),
        { user: 'dev' },
      )
      expect(result).toEqual({ code: 0, stdout: 'dev\ndev\ndev\n', stderr: '' })
    })

    it('runs PID 1 as containerUser', async () => {
      const spec = track(
        await makeWorkspace(driver, harness.images.full, { definition: { containerUser: 'dev' } }),
      )
      expect((await run(driver, spec.id, sh('id -un; touch /workspaces/app/x ~/x && echo ok'))).stdout).toBe(
        'dev\nok\n',
      )
    })

    it('starts terminals’ folder for the source anywhere', async () => {
      const spec = track(
        await makeWorkspace(driver, harness.images.small, {
          definition: { workspaceFolder: '/srv/code/sub' },
          spec: { sourceFolder: '/srv/code' },
        }),
      )
      expect((await run(driver, spec.id, sh('cd /srv/code/sub && echo x > f && echo ok'))).stdout).toBe(
        'ok\n',
      )
      const again = { ...spec, image: (await specOf(driver, harness.images.small)).image }
      await driver.create(again, { replace: true }, new Recorder(), never)
      await driver.commit(spec.id, never)
      await driver.start(spec.id, new Recorder(), never)
      expect((await run(driver, spec.id, sh('cat /srv/code/sub/f'))).stdout).toBe('x\n')
    })

    it('replaces: keeps source and home, and the old one until it is committed', async () => {
      const spec = track(await makeWorkspace(driver, harness.images.small))
      await run(
        driver,
        spec.id,
        sh('echo kept > /workspaces/app/file; echo kept > ~/file; echo lost > /other'),
      )
      const before = await observed(spec.id)
      const next = { ...spec, image: (await specOf(driver, harness.images.full)).image }
      await driver.create(next, { replace: true }, new Recorder(), never)
      expect(await observed(spec.id)).toMatchObject({
        complete: true,
        replacing: true,
        instance: before?.instance,
      })
      await driver.start(spec.id, new Recorder(), never)
      expect((await run(driver, spec.id, ['python3', '-c', 'print(1)'])).stdout).toBe('1\n')
      await driver.commit(spec.id, never)
      const after = await observed(spec.id)
      expect(after).toMatchObject({ complete: true, replacing: false, run: 'running', name: spec.name })
      expect(after?.incarnation).not.toBe(before?.incarnation)
      const { stdout } = await run(
        driver,
        spec.id,
        sh('cat /workspaces/app/file ~/file; ls /other 2>&1 | wc -l; test -e /other || echo lost'),
      )
      expect(stdout).toContain('kept\nkept\n')
      expect(stdout).toContain('lost\n')
    })

    it('discards a replacement and brings the old one back with everything', async () => {
      const spec = track(await makeWorkspace(driver, harness.images.small))
      await run(driver, spec.id, sh('echo kept > /workspaces/app/file; echo kept > /other'))
      await driver.create(spec, { replace: true }, new Recorder(), never)
      await driver.start(spec.id, new Recorder(), never)
      await driver.discard(spec.id, never)
      expect(await observed(spec.id)).toMatchObject({
        complete: true,
        replacing: false,
        run: 'stopped',
        name: spec.name,
      })
      await driver.start(spec.id, new Recorder(), never)
      expect((await run(driver, spec.id, sh('cat /workspaces/app/file'))).stdout).toBe('kept\n')
      expect((await run(driver, spec.id, sh('cat /other'))).code).toBe(harness.keepsContainerFiles ? 0 : 1)
    })

    it('discards a first creation with all that it made, and nothing twice', async () => {
      const spec = track(await specOf(driver, harness.images.small))
      await driver.create(spec, { replace: false }, new Recorder(), never)
      await driver.start(spec.id, new Recorder(), never)
      expect(await harness.leftovers(spec.id)).not.toEqual([])
      await driver.discard(spec.id, never)
      expect(await harness.leftovers(spec.id)).toEqual([])
      await driver.discard(spec.id, never)
      await driver.create(spec, { replace: false }, new Recorder(), never)
      await driver.commit(spec.id, never)
    })

    it('leaves a completed workspace alone when there is nothing to discard', async () => {
      const spec = track(await makeWorkspace(driver, harness.images.small))
      await run(driver, spec.id, sh('echo kept > /workspaces/app/file'))
      await driver.discard(spec.id, never)
      expect((await run(driver, spec.id, sh('cat /workspaces/app/file'))).stdout).toBe('kept\n')
    })

    it('rebuilds from what is left when the instance was removed by hand, and a discard loses nothing', async () => {
      const spec = track(await makeWorkspace(driver, harness.images.small))
      await run(driver, spec.id, sh('echo kept > /workspaces/app/file; echo kept > ~/file'))
      const instance = (await observed(spec.id))?.instance ?? ''
      await harness.outside.remove(instance)
      const missing = await observed(spec.id)
      expect(missing).toMatchObject({
        run: 'missing',
        complete: true,
        name: spec.name,
        definition: spec.definition,
      })
      await expect(driver.start(spec.id, new Recorder(), never)).rejects.toMatchObject({
        problem: { code: 'workspace-gone' },
      })
      expect((await driver.diagnose(spec.id, never))[0]?.code).toBe('workspace-gone')
      for (const replace of [true, false]) {
        await driver.create(spec, { replace }, new Recorder(), never)
        // Whoever tidies up what was not completed must not take this for a first creation.
        expect(await observed(spec.id)).toMatchObject({ complete: true, replacing: true })
        await driver.discard(spec.id, never)
        expect(await observed(spec.id)).toMatchObject({ run: 'missing' })
      }
      await driver.create(spec, { replace: true }, new Recorder(), never)
      await driver.commit(spec.id, never)
      await driver.start(spec.id, new Recorder(), never)
      expect((await run(driver, spec.id, sh('cat /workspaces/app/file ~/file'))).stdout).toBe('kept\nkept\n')
    })

    it('renames, running and missing, and refuses a taken name', async () => {
      const one = track(await makeWorkspace(driver, harness.images.small))
      const two = track(await makeWorkspace(driver, harness.images.small))
      await expect(driver.rename(one.id, two.name, never)).rejects.toMatchObject({
        problem: { code: 'name-taken' },
      })
      const name = `re-${one.id}`
      await driver.rename(one.id, name, never)
      expect(await observed(one.id)).toMatchObject({ name, run: 'running' })
      expect((await run(driver, one.id, sh('echo still here'))).stdout).toBe('still here\n')
      await driver.create({ ...one, name }, { replace: true }, new Recorder(), never)
      await driver.discard(one.id, never)
      expect(await observed(one.id)).toMatchObject({ name })
      await harness.outside.remove((await observed(one.id))?.instance ?? '')
      expect(await observed(one.id)).toMatchObject({ name, run: 'missing' })
      const third = track(await specOf(driver, harness.images.small, { name: two.name }))
      await expect(driver.create(third, { replace: false }, new Recorder(), never)).rejects.toMatchObject({
        problem: { code: 'name-taken' },
      })
    })

    it('leaves nothing when create is aborted at any moment', async () => {
      for (const after of [0, 2, 5, 10, 20, 40, 80]) {
        const spec = track(await specOf(driver, harness.images.full, { definition: { remoteUser: 'dev' } }))
        const controller = new AbortController()
        const timer = setTimeout(() => controller.abort(), after)
        const outcome = await driver.create(spec, { replace: false }, new Recorder(), controller.signal).then(
          () => 'made',
          (error: { problem?: { code: string } }) => error.problem?.code,
        )
        clearTimeout(timer)
        if (outcome === 'made') await driver.discard(spec.id, never)
        else expect(outcome).toBe('cancelled')
        expect(await harness.leftovers(spec.id)).toEqual([])
      }
    })

    it('mounts what the definition asks for', async () => {
      const spec = track(
        await makeWorkspace(driver, harness.images.small, {
          definition: { mounts: [{ type: 'tmpfs', target: '/scratch' }] },
        }),
      )
      expect((await run(driver, spec.id, sh('grep " /scratch " /proc/mounts'))).stdout).toContain('tmpfs')
    })

    it('fails a mount that cannot be, with a Problem, and leaves nothing', async () => {
      const spec = track(
        await specOf(driver, harness.images.small, {
          definition: { mounts: [{ type: 'bind', source: '/no/such/folder', target: '/x' }] },
        }),
      )
      await expect(driver.create(spec, { replace: false }, new Recorder(), never)).rejects.toMatchObject({
        problem: { code: 'create-failed' },
      })
      expect(await harness.leftovers(spec.id)).toEqual([])
    })

    it('runs an image without a shell by its own command', async () => {
      const spec = track(await makeWorkspace(driver, harness.images.bare))
      expect(await observed(spec.id)).toMatchObject({ run: 'running' })
      expect((await run(driver, spec.id, ['/busybox', 'echo', 'hello'])).stdout).toBe('hello\n')
      const missing = await run(driver, spec.id, ['/bin/sh', '-c', 'true'])
      expect([126, 127]).toContain(missing.code)
    })

    it('says so when the image’s own command ends', async () => {
      const spec = track(
        await specOf(driver, harness.images.small, {
          definition: { overrideCommand: false, containerUser: 'dev' },
        }),
      )
      await driver.create(spec, { replace: false }, new Recorder(), never)
      const outcome = await driver.start(spec.id, new Recorder(), never).then(
        () => 'started',
        (error: { problem?: { code: string } }) => error.problem?.code,
      )
      // Its command is a shell, which ends at once for want of input.
      expect(outcome).toBe('workspace-exited')
      expect((await driver.diagnose(spec.id, never)).map((one) => one.code)).toEqual(['workspace-exited'])
    })

    it('shows the same to two drivers at once', async () => {
      const other = harness.open()
      const watcher = new Watcher(other)
      const spec = track(await makeWorkspace(driver, harness.images.small))
      await watcher.until(() => watcher.workspaces.get(spec.id)?.run === 'running', 'running')
      expect((await run(other, spec.id, sh('echo seen'))).stdout).toBe('seen\n')
      await other.create(spec, { replace: true }, new Recorder(), never)
      await other.commit(spec.id, never)
      await other.start(spec.id, new Recorder(), never)
      // The first driver knew the old container.
      expect((await run(driver, spec.id, sh('echo new one'))).stdout).toBe('new one\n')
      await other.remove(spec.id, new Recorder(), never)
      await watcher.until(() => !watcher.workspaces.has(spec.id), 'gone')
      await watcher.stop()
      await other.dispose()
    })

    it('measures processor and memory', async () => {
      const spec = track(await makeWorkspace(driver, harness.images.full))
      const idle = await driver.stats(spec.id, never)
      expect(idle.memory).toBeGreaterThan(0)
      const busy = await driver.exec(spec.id, { command: sh('echo busy; while :; do :; done') }, never)
      await once(busy.stdout, 'data')
      await driver.stats(spec.id, never)
      await new Promise((resolve) => setTimeout(resolve, 1500))
      const loaded = await driver.stats(spec.id, never)
      busy.destroy()
      // Its share of a machine that may be busy otherwise.
      expect(loaded.cpu).toBeGreaterThan(0.01)
      expect(loaded.cpu).toBeLessThan(1.6)
    })

    it('finds nothing wrong with a healthy workspace', async () => {
      const spec = track(await makeWorkspace(driver, harness.images.small))
      expect(await driver.diagnose(spec.id, never)).toEqual([])
    })

    it('reaches a port that listens on localhost inside', async () => {
      const spec = track(await makeWorkspace(driver, harness.images.full))
      const server = await driver.exec(
        spec.id,
        {
          command: [
            'python3',
            '-u',
            '-c',
            'import socket, sys\ns=socket.create_server(("127.0.0.1",8123))\nprint("up")\nc,_=s.accept()\nd=b""\nwhile True:\n  x=c.recv(65536)\n  d+=x\n  if not x or len(d)>=int(sys.argv[1]): break\nc.sendall(b"got %d" % len(d))\nc.close()',
            // Up to so many bytes, or to the end that it is told of.
            harness.halfClose ? '100001' : '100000',
          ],
        },
        never,
      )
      server.stderr?.resume()
      await new Promise((resolve) => server.stdout.once('data', resolve))
      const socket = await driver.dial(spec.id, 8123, never)
      if (harness.halfClose) socket.end(Buffer.alloc(100_000))
      else socket.write(Buffer.alloc(100_000))
      const chunks: Buffer[] = []
      for await (const chunk of socket) chunks.push(chunk as Buffer)
      expect(Buffer.concat(chunks).toString()).toBe('got 100000')
      server.destroy()
      await expect(driver.dial(spec.id, 9, never)).rejects.toMatchObject({
        problem: { code: 'port-refused' },
      })
    })
  })
}
