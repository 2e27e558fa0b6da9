import { type ApplyMode, type Fill, type Found, type Key, type LogChange, StoreKey } from '@tidemark/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { change, filling, missing } from '../../writes.ts'
import { type FrontUnderTest, HEAD, type StartFront } from './front-suite.ts'

type Step =
  | { readonly do: 'write'; readonly key: number; readonly isDelete: boolean }
  | { readonly do: 'apply'; readonly which: number; readonly mode: ApplyMode }
  | { readonly do: 'miss'; readonly key: number }
  | { readonly do: 'fill'; readonly which: number }
  | { readonly do: 'evict'; readonly key: number }
  | { readonly do: 'clear' }
  | { readonly do: 'tail' }

const key = fc.nat({ max: 1 })
const which = fc.nat({ max: 20 })

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const), key, isDelete: fc.boolean() }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('apply' as const),
        which,
        mode: fc.constantFrom<ApplyMode>('install', 'invalidate'),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('miss' as const), key }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('fill' as const), which }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('evict' as const), key }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('tail' as const) }) },
  ),
  { minLength: 10, maxLength: 40 },
)

/** Random interleavings of what the network can do: everything late, twice, or never. */
export function describeFrontFence(start: StartFront): void {
  it('never serves for a key what an executed change replaced, in any interleaving', async () => {
    const test = await start()
    let head = HEAD
    let hits = 0
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        // New keys in each run, on the same front and log.
        const run = new Run(test, head)
        for (const step of script) {
          await run.take(step)
          await run.check()
        }
        head = run.head
        hits += run.hits
      }),
      { numRuns: 60, endOnFailure: true },
    )
    // Otherwise the front holds nothing, and the test proves nothing.
    expect(hits).toBeGreaterThan(100)
  })
}

class Run {
  head: number
  hits = 0
  readonly #test: FrontUnderTest
  readonly #keys: readonly Key[]
  readonly #log: LogChange[] = []
  readonly #fills: Fill[] = []
  /** By key: the highest seq of what the front has executed. */
  readonly #executed = [0, 0]

  constructor(test: FrontUnderTest, head: number) {
    this.#test = test
    this.head = head
    this.#keys = [
      ['run', head, 0],
      ['run', head, 1],
    ]
  }

  async take(step: Step): Promise<void> {
    const test = this.#test
    switch (step.do) {
      case 'write': {
        const seq = ++this.head
        this.#log.push(change(seq, this.#keys[step.key]!, step.isDelete ? undefined : seq))
        return
      }
      case 'apply': {
        const late = this.#log[step.which % this.#log.length]
        if (late === undefined) return
        await test.front.apply([late], step.mode)
        this.#execute(late)
        return
      }
      case 'miss': {
        this.#fills.push(this.#fillOf(step.key))
        return
      }
      case 'fill': {
        const late = this.#fills[step.which % this.#fills.length]
        if (late !== undefined) await test.front.fill([late])
        return
      }
      case 'evict':
        return test.evict(this.#keys[step.key]!)
      case 'clear':
        return test.front.clear()
      case 'tail': {
        const { followed } = test
        if (followed === undefined) return
        const from = await followed.watermark()
        const changes = this.#log.filter(({ seq }) => seq > from)
        expect(await followed.tail({ from, to: this.head, changes })).toBe(this.head)
        for (const each of changes) this.#execute(each)
      }
    }
  }

  async check(): Promise<void> {
    const found = await this.#test.front.read(this.#keys.map((each) => StoreKey.of(each)))
    for (const [i, each] of found.entries()) if (each !== undefined) this.#checkOne(i, each)
  }

  #checkOne(i: number, { entry, asOf }: Found): void {
    this.hits++
    const version = entry?.version ?? asOf
    expect(version).toBeGreaterThanOrEqual(this.#executed[i]!)
    const last = this.#lastOf(i, version)
    if (entry === undefined) expect(last?.payload).toBeUndefined()
    else expect([last?.seq, entry.payload.decode()]).toEqual([version, version])
  }

  #lastOf(i: number, upTo: number): LogChange | undefined {
    const { id } = StoreKey.of(this.#keys[i]!)
    return this.#log.findLast((each) => each.key.id === id && each.seq <= upTo)
  }

  #fillOf(i: number): Fill {
    const last = this.#lastOf(i, this.head)
    const name = this.#keys[i]!
    return last?.payload === undefined ? missing(name, this.head) : filling(name, last.seq, last.seq, this.head)
  }

  #execute({ key: { id }, seq }: LogChange): void {
    const i = id === StoreKey.of(this.#keys[0]!).id ? 0 : 1
    if (seq > this.#executed[i]!) this.#executed[i] = seq
  }
}
