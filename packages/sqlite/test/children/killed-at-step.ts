// Does something with blobs, and is killed right before the given step of it: before it asks the back tier to change anything
// for the given time. Prints `done` when it has come to its end, `acknowledged` when what it did was acknowledged.
import { type Back, Store } from '@tidemark/core'
import { createSqliteBack } from '../../src/index.ts'

const [file = '', what = '', last = '0'] = process.argv.slice(2)
const CHUNK = 256 * 1024
let step = 0

function counted<T extends object>(target: T, methods: readonly string[]): T {
  return new Proxy(target, {
    get(from, name) {
      const value: unknown = Reflect.get(from, name, from)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        if (methods.includes(String(name)) && step++ === Number(last)) process.kill(process.pid, 'SIGKILL')
        return Reflect.apply(value, from, args)
      }
    },
  })
}

const back = createSqliteBack({ file, busyTimeoutMs: 25_000 })
const leases = counted(back.leases, ['acquire', 'renew', 'release'])
const watched = new Proxy(counted<Back>(back, ['commit', 'expire']), {
  get: (target, name) => (name === 'leases' ? leases : Reflect.get(target, name)),
})
const store = new Store(watched)

if (what === 'blob') {
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 9; i++) yield new Uint8Array(CHUNK).fill(100 + i)
  }
  await store.blob('b').write(source(), { meta: 'new' })
} else {
  await store.sweep({
    before: Date.now() + 3_600_000,
    keep: [
      ['kept', 'v'],
      ['kept', 'l'],
      ['kept', 'b'],
    ],
    batch: 2,
    orphanAgeMs: 0,
  })
}
process.stdout.write('acknowledged\n')
// What is left behind is removed in the background.
await store.sweep({ orphanAgeMs: 0 })
await store.close()
process.stdout.write('done\n')
