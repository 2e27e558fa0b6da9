import { type FrontAgreement, type Lease, NO_AGREEMENT, StoreKey } from '@tidemark/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { commit, deleting, setting } from '../../writes.ts'
import type { BacksUnderTest, StartBacks } from './back-suite.ts'
import { under } from './leased.ts'

const KEYS = ['a', 'b'] as const
const TTL_MS = 1_000_000

/** What one of two processes does; `late` tells which of the leases that it was ever given it uses, from the newest. */
const STEP = fc.record({
  kind: fc.constantFrom('acquire', 'load', 'load', 'renew', 'release', 'set', 'delete', 'wait', 'agree', 'restored'),
  process: fc.nat({ max: 1 }),
  key: fc.constantFrom(...KEYS),
  late: fc.constantFrom(0, 0, 0, 1, 2),
})

type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never

interface Holding {
  readonly lease: Lease
  until: number
}

/** What two processes may expect of a store, step by step. */
class Expectation {
  readonly #backs: BacksUnderTest['back'][]
  readonly #clock: BacksUnderTest['clock']
  readonly #held = new Map<string, Holding>()
  readonly #given: Lease[][] = [[], []]
  #agreement: FrontAgreement = NO_AGREEMENT
  #lastToken = 0

  constructor({ back, other, clock }: BacksUnderTest) {
    this.#backs = [back, other]
    this.#clock = clock
  }

  async take({ kind, process, key, late }: Step): Promise<void> {
    const back = this.#backs[process]!
    const lease = this.#given[process]!.filter((one) => one.key.id === key).at(-1 - late)
    const holding = this.#holding(key)
    const isHeld = lease !== undefined && holding?.lease.token === lease.token
    if (kind === 'acquire') return this.#acquire(process, key, holding)
    if (kind === 'wait') return this.#clock.step(TTL_MS / 2)
    if (kind === 'agree') return this.#agree(process, late)
    if (kind === 'restored') return this.#restored(process)
    if (kind === 'set' || kind === 'delete') {
      const { agreements } = await commit(back, kind === 'set' ? setting(key, 1) : deleting(key))
      expect(agreements.get('redis') ?? NO_AGREEMENT).toEqual(this.#agreement)
      this.#held.delete(key)
      return
    }
    if (lease === undefined) return
    if (kind === 'renew') {
      expect(await back.leases.renew(lease, TTL_MS)).toBe(isHeld)
      if (isHeld) holding.until = this.#clock.now() + TTL_MS
    } else if (kind === 'release') {
      await back.leases.release(lease)
      if (isHeld) this.#held.delete(key)
    } else {
      const code = await under(back, lease, setting(key, 'loaded')).then(
        () => 'committed',
        (error: unknown) => (error as { code?: string }).code,
      )
      expect(code).toBe(isHeld ? 'committed' : 'LEASE_LOST')
      if (isHeld) this.#held.delete(key)
    }
  }

  #holding(key: string): Holding | undefined {
    const holding = this.#held.get(key)
    return holding !== undefined && holding.until > this.#clock.now() ? holding : undefined
  }

  async #acquire(process: number, key: string, holding: Holding | undefined): Promise<void> {
    const { lease } = await this.#backs[process]!.leases.acquire(StoreKey.of(key), TTL_MS)
    expect(lease === undefined).toBe(holding !== undefined)
    if (lease === undefined) return
    expect(lease.token).toBeGreaterThan(this.#lastToken)
    this.#lastToken = lease.token
    this.#given[process]!.push(lease)
    this.#held.set(key, { lease, until: this.#clock.now() + TTL_MS })
  }

  /** `behind`: how many terms the process has missed. */
  async #agree(process: number, behind: number): Promise<void> {
    const { term } = this.#agreement
    const epoch = `e${term}`
    const { agreement } = await this.#backs[process]!.agreements.change('redis', term - behind, { epoch })
    if (behind === 0) this.#agreement = { ...this.#agreement, epoch, term: term + 1 }
    expect(agreement).toEqual(this.#agreement)
  }

  async #restored(process: number): Promise<void> {
    await this.#backs[process]!.restored()
    this.#held.clear()
    const { term } = this.#agreement
    if (term > 0) this.#agreement = { ...this.#agreement, epoch: '', term: term + 1 }
    for (const back of this.#backs) expect((await back.agreements.sample('redis')).agreement).toEqual(this.#agreement)
  }
}

export function describeInterleavings(start: StartBacks): void {
  it('agreements and leases hold through any interleaving of two processes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 40 }), async (steps) => {
        const expectation = new Expectation(await start())
        for (const step of steps) await expectation.take(step)
      }),
      { numRuns: 25 },
    )
  })
}
