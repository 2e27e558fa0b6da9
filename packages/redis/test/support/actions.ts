import fc from 'fast-check'
import { stripeOf } from '../../src/stripes.ts'
import type { Announced } from './reference.ts'
import type { BenchAnnouncement, BenchChange, BenchFill } from './script-bench.ts'

export const EPOCHS = ['0000000a', '0000000b'] as const

/** `a` and its partner are guarded by the same stripe, so that one raises the other's fence. */
export const IDS: readonly string[] = ['a', partnerOf('a'), 'c']

function partnerOf(id: string): string {
  for (let i = 0; ; i++) if (stripeOf(`b${i}`) === stripeOf(id)) return `b${i}`
}

export type Action =
  | { readonly type: 'apply'; readonly epoch: string; readonly changes: readonly BenchChange[] }
  | { readonly type: 'fill'; readonly epoch: string; readonly fills: readonly BenchFill[] }
  | TailAction
  | ({ readonly type: 'announce' } & BenchAnnouncement)
  | { readonly type: 'age'; readonly to: Exclude<Announced, 'just now'> | undefined }
  | { readonly type: 'complete'; readonly nonce: string; readonly epoch: string; readonly head: number }
  | { readonly type: 'evict'; readonly id: string }
  | { readonly type: 'damage'; readonly id: string }
  | { readonly type: 'lose-meta' }
  | { readonly type: 'lose-field'; readonly field: 'e' | 'w' }
  | { readonly type: 'renew'; readonly epoch: string }

export interface TailAction {
  readonly type: 'tail'
  /** undefined: the one that holds. */
  readonly epoch: string | undefined
  /** From where the watermark stands. */
  readonly off: number
  readonly length: number
  readonly tailer: string
  readonly changes: readonly BenchChange[]
}

const id = fc.constantFrom(...IDS)
// Around 10, so that order as text would differ from order as numbers.
const seq = fc.integer({ min: 7, max: 13 })
const epoch = fc.constantFrom(...EPOCHS)
const value = fc.constantFrom('x', 'yy', '')
const nonce = fc.constantFrom('n1', 'n2')
const own = fc.constantFrom('', 'n1', 'n2')
const seen = fc.constantFrom('', ...EPOCHS)

const change = fc.record({ id, seq, value: fc.option(value, { nil: undefined, freq: 3 }) })
const fill = fc.record({ id, version: seq, asOf: seq, value })

const action = fc.oneof<fc.WeightedArbitrary<Action>[]>(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('apply'),
      epoch,
      changes: fc.array(change, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant('fill'), epoch, fills: fc.array(fill, { minLength: 1, maxLength: 3 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('tail'),
      epoch: fc.option(epoch, { nil: undefined, freq: 2 }),
      off: fc.constantFrom(0, 0, 0, 0, 1, -1),
      length: fc.integer({ min: 0, max: 3 }),
      tailer: fc.constantFrom('t1', 't2'),
      changes: fc.array(change, { maxLength: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('announce'), nonce, seen, own }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('age'), to: fc.constantFrom('long ago', 'in the future', undefined) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('complete'), nonce, epoch, head: seq }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('evict'), id }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('damage'), id }) },
  { weight: 1, arbitrary: fc.constant({ type: 'lose-meta' }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('lose-field'), field: fc.constantFrom('e', 'w') }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('renew'), epoch }) },
)

export const actions: fc.Arbitrary<readonly Action[]> = fc.array(action, { minLength: 1, maxLength: 14 })
