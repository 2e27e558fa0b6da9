import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Fifo } from '../src/fifo.ts'

it('gives what it took, in order, however full it gets', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -3000, max: 3000 }), { maxLength: 20 }), (steps) => {
      const fifo = new Fifo<number>()
      let [pushed, shifted] = [0, 0]
      for (const step of steps) {
        for (let i = 0; i < step; i++) fifo.push(pushed++)
        for (let i = 0; i > step; i--) expect(fifo.shift()).toBe(shifted < pushed ? shifted++ : undefined)
        expect(fifo.size).toBe(pushed - shifted)
        expect(fifo.peek()).toBe(shifted < pushed ? shifted : undefined)
      }
    }),
    { numRuns: 30 },
  )
})
