import { type Back, createMemoryBack, Store } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { Process } from '../write-behind/support/process.ts'
import { turns } from './tested-tiers.ts'

// konserve's write-behind: into the front, and on to the back tier when it comes to it, each write by itself. As in holes.test.ts,
// each hole is made to happen to that design first.

const LEASE_MS = 1_000

interface TestedWriteBehind {
  set(key: string, value: unknown): Promise<unknown>
  /** As kill -9 does. */
  kill(): void
  /** What the back tier holds when everything has happened that will, with another process there. */
  inTheEnd(key: string): Promise<unknown>
}

/** The first call takes the longest, so that it is overtaken where it can be. */
function overtaking(): () => Promise<void> {
  let calls = 0
  return () => turns(Math.max(0, 40 - 20 * calls++))
}

class Naive implements TestedWriteBehind {
  readonly #front = new Map<string, unknown>()
  readonly #back = new Map<string, unknown>()
  readonly #way = overtaking()
  #isDead = false

  set(key: string, value: unknown): Promise<unknown> {
    this.#front.set(key, value)
    void this.#way().then(() => this.#isDead || this.#back.set(key, value))
    return Promise.resolve()
  }

  kill(): void {
    this.#isDead = true
  }

  async inTheEnd(key: string): Promise<unknown> {
    await turns(100)
    return this.#back.get(key)
  }
}

class Ours implements TestedWriteBehind {
  readonly #clock = new ManualClock()
  readonly #back = createMemoryBack({ clock: this.#clock })
  readonly #process = this.#start(overtaken(this.#back))

  set(key: string, value: unknown): Promise<unknown> {
    return this.#process.store.set(key, value)
  }

  kill(): void {
    this.#process.kill()
  }

  async inTheEnd(key: string): Promise<unknown> {
    const other = this.#start(this.#back)
    await turns()
    // Its flush, or the end of its lease.
    this.#clock.advance(LEASE_MS)
    await turns(100)
    await other.tiers.recoverWrites()
    return new Store(this.#back).get(key)
  }

  #start(back: Back): Process {
    return new Process(back, this.#clock, { maxAgeMs: LEASE_MS / 2, leaseMs: LEASE_MS })
  }
}

function overtaken(back: Back): Back {
  const way = overtaking()
  return new Proxy(back, {
    get(target, name) {
      if (name === 'commit') return async (...args: Parameters<Back['commit']>) => (await way(), target.commit(...args))
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

describe.each([
  ['the naive design', () => new Naive(), { reordered: 1, lost: undefined }],
  ['ours', () => new Ours(), { reordered: 2, lost: 1 }],
] as const)('hole: write-behind, %s', (_name, start, { reordered, lost }) => {
  test('reorders the writes of one key, or not', async () => {
    const behind = start()
    await Promise.all([behind.set('k', 1), behind.set('k', 2)])
    expect(await behind.inTheEnd('k')).toBe(reordered)
  })

  test('loses what was acknowledged when the process is killed, or not', async () => {
    const behind = start()
    await behind.set('k', 1)
    behind.kill()
    expect(await behind.inTheEnd('k')).toBe(lost)
  })
})
