import { ManualClock } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import { Suspension } from '../src/shared/suspension.ts'

const FIRST_MS = 1_000
const LONGEST_MS = 16_000

class Front {
  readonly clock = new ManualClock()
  readonly #suspension = new Suspension(this.clock)

  constructor() {
    this.#suspension.learn(false)
  }

  /** Suspended, and resumed as soon as that may be. @returns how long it took */
  suspend(): number {
    const from = this.clock.monotonic()
    this.#suspension.learn(true)
    while (!this.#suspension.mayEnd) {
      this.clock.advance(50)
      // As the follower does: with every sample.
      this.#suspension.learn(true)
    }
    this.#suspension.learn(false)
    expect(this.#suspension.mayEnd).toBe(false)
    return this.clock.monotonic() - from
  }

  serve(ms: number): void {
    this.clock.advance(ms)
    this.#suspension.learn(false)
  }
}

test('a front that is suspended again and again at once stays so for longer and longer, and no longer than the longest', () => {
  const front = new Front()
  const took = Array.from({ length: 7 }, () => front.suspend())
  expect(took).toEqual([1_000, 2_000, 4_000, 8_000, LONGEST_MS, LONGEST_MS, LONGEST_MS])
})

test('what happens now and then keeps nobody from a front for longer than the first time', () => {
  const front = new Front()
  for (let i = 0; i < 10; i++) {
    expect(front.suspend()).toBe(FIRST_MS)
    front.serve(FIRST_MS / 2)
  }
})

test('what was learnt of bad times is forgotten with every such time in service', () => {
  const front = new Front()
  for (let i = 0; i < 5; i++) front.suspend()
  front.serve(LONGEST_MS)
  expect(front.suspend()).toBe(LONGEST_MS / 2)
  front.serve(LONGEST_MS / 2)
  expect(front.suspend()).toBe(LONGEST_MS / 4)
  front.serve(60_000)
  expect(front.suspend()).toBe(FIRST_MS)
})

test('counts from when this process learned of it', () => {
  const clock = new ManualClock()
  const suspension = new Suspension(clock)
  expect(suspension.mayEnd).toBe(false)
  clock.advance(60_000)
  suspension.learn(true)
  clock.advance(FIRST_MS - 1)
  expect(suspension.mayEnd).toBe(false)
  clock.advance(1)
  expect(suspension.mayEnd).toBe(true)
})
